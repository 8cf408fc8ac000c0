import type { ClusterView } from '../pods/cluster.ts';
import type { Identities } from '../pods/identities.ts';
import type { ContainerRecord } from './container-record.ts';

/** Whether nothing more comes: a record ends with its pod, with the work of an init container, and with its recording. */
export function isOver(
  record: ContainerRecord,
  view: { readonly recordings: Pick<ClusterView['recordings'], 'get'> },
  identities: Pick<Identities, 'lives' | 'pod'>,
): boolean {
  if (isDeleted(record, view)) return true;
  if (Object.keys(record.current).length > 0) return false;
  if (!identities.lives(record.pod.uid)) return true;
  const pod = identities.pod(record.pod.uid);
  if (pod?.phase === 'Succeeded' || pod?.phase === 'Failed') return true;
  return pod?.containers.some(({ name, succeededInit }) => name === record.container && succeededInit) ?? false;
}

/** By its UID: another of the same name is another recording. */
function isDeleted(
  { recording: { namespace, name, uid } }: ContainerRecord,
  { recordings }: Parameters<typeof isOver>[1],
): boolean {
  const now = recordings.get(`${namespace}/${name}`);
  return now?.metadata.uid !== uid || now.metadata.deletionTimestamp !== undefined;
}
