import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, NAMESPACES } from '../../kube/object.ts';

/**
 * The owner of what is made for the whole cluster: the namespace of the installation. When somebody deletes that instead of uninstalling,
 * the webhooks' configuration goes with it (garbage collection), and keeps no pod from being made that nobody answers for.
 */
export async function namespaceAsOwner(
  client: Pick<KubeClient, 'get'>,
  name: string,
  signal: AbortSignal,
): Promise<NonNullable<KubeObject['metadata']['ownerReferences']>> {
  const { metadata } = await client.get<KubeObject>(NAMESPACES, { name }, { signal });
  return [{ apiVersion: 'v1', kind: NAMESPACES.kind, name, uid: metadata.uid ?? '' }];
}
