import type { PodObject } from '../pods/cluster.ts';

/** What Deployments put behind a ReplicaSet's name, and on its pods. */
const TEMPLATE_HASH = 'pod-template-hash';
/** What CronJobs put behind a Job's name: the minutes since 1970. */
const MINUTES = /-\d{7,9}$/;

/** Whose a container is, so that it is the same for all pods of a template: NAMESPACE/KIND/NAME/CONTAINER. */
export function workloadOf({ metadata, owner }: PodObject, container: string): string {
  const { kind, name } = ownerOf(owner, metadata.labels?.[TEMPLATE_HASH]) ?? { kind: 'Pod', name: metadata.name };
  return `${metadata.namespace}/${kind}/${name}/${container}`;
}

function ownerOf(owner: PodObject['owner'], hash: string | undefined): PodObject['owner'] {
  if (owner?.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`))
    return { kind: 'Deployment', name: owner.name.slice(0, -hash.length - 1) };
  if (owner?.kind === 'Job' && MINUTES.test(owner.name))
    return { kind: 'CronJob', name: owner.name.replace(MINUTES, '') };
  return owner;
}
