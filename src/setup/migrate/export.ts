import { convert } from '../../api/conversion/convert.ts';
import { GROUP } from '../../api/crd.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, PODS, type Resource } from '../../kube/object.ts';
import { DEFINITIONS } from '../../kube/resources.ts';
import { SyscribeError } from '../../platform/errors.ts';
import { OWN_KINDS } from '../installed.ts';
import { each, find } from '../objects.ts';
import { type Kept, type Moved, moved } from './names.ts';

/** Nodes' own, and the daemon's settings: both are made anew. */
const LEFT: readonly string[] = [
  'SecurityProfileNodeStatus',
  'SecurityProfileNodeReport',
  'SecurityProfilesOperatorDaemon',
];

interface Definition extends KubeObject {
  readonly spec: {
    readonly scope: 'Cluster' | 'Namespaced';
    readonly versions: readonly { readonly name: string; readonly storage: boolean }[];
  };
}

interface Container {
  readonly securityContext?: { readonly seccompProfile?: { readonly localhostProfile?: string } };
}

interface Pod extends KubeObject {
  readonly spec: Container & {
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
  };
}

export interface Export extends Moved {
  /** Pods by the file that they name, which will be elsewhere: NAMESPACE/NAME. */
  readonly users: ReadonlyMap<string, readonly string[]>;
}

/**
 * What SPO 0.8 and older has, as it is to be installed where profiles have no namespaces.
 * @throws SyscribeError ERR_SETUP_REFUSED where profiles have none already.
 */
export async function exportObjects(client: KubeClient): Promise<Export> {
  const found: Kept[] = [];
  let namespaced = false;
  for (const { resource, definition } of OWN_KINDS.filter(({ resource }) => !LEFT.includes(resource.kind))) {
    const there = await find<Definition>(client, DEFINITIONS, undefined, definition);
    const version = there?.spec.versions.find(({ storage }) => storage)?.name;
    if (!there || version === undefined) continue;
    namespaced ||= resource.kind === 'SeccompProfile' && there.spec.scope === 'Namespaced';
    const stored: Resource = { ...resource, version, namespaced: there.spec.scope === 'Namespaced' };
    for await (const object of each(client, stored)) found.push(convert(object, `${GROUP}/v1`) as Kept);
  }
  if (!namespaced)
    throw new SyscribeError('ERR_SETUP_REFUSED', 'SeccompProfiles have no namespaces here, or are not there', {
      remedy: 'From SPO 0.9 on nothing has to be moved: syscribe adopt.',
    });
  const whole = moved(found);
  return { ...whole, users: await usersOf(client, whole.files) };
}

async function usersOf(client: KubeClient, files: Moved['files']): Promise<Map<string, string[]>> {
  const users = new Map<string, string[]>();
  for await (const { metadata, spec } of each<Pod>(client, PODS)) {
    const contexts = [spec, ...spec.containers, ...(spec.initContainers ?? [])];
    const named = new Set(contexts.map(({ securityContext }) => securityContext?.seccompProfile?.localhostProfile));
    for (const file of named)
      if (file !== undefined && files.has(file))
        users.set(file, [...(users.get(file) ?? []), `${metadata.namespace}/${metadata.name}`]);
  }
  return users;
}
