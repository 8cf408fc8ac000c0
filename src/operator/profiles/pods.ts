import { type ReferringPod, referencesOf } from '../../api/references.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, PODS } from '../../kube/object.ts';

/** Whether a pod that no node has yet refers to a profile: agents do not know of it. */
export async function waitsUnscheduled(
  client: Pick<KubeClient, 'pages'>,
  reference: string,
  signal: AbortSignal,
): Promise<boolean> {
  const pages = client.pages<KubeObject & ReferringPod>(PODS, { fieldSelector: 'spec.nodeName=', signal });
  for await (const { items } of pages) if (items.some((pod) => referencesOf(pod).includes(reference))) return true;
  return false;
}
