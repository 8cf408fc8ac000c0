import { type ReferringPod, referencesOf } from '../../api/references.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, keyOf, PODS } from '../../kube/object.ts';
import { DAEMON_SETS, DEPLOYMENTS } from '../../kube/resources.ts';
import { AGENTS, OPERATOR, OWN_KINDS } from '../installed.ts';
import { each, find } from '../objects.ts';
import { runs, type Workload } from '../workload.ts';
import type { Situation } from './plan.ts';

/** Kinds whose finalizers the operator takes away, or nobody sets. */
const ENDED = ['SeccompProfile', 'ProfileRecording', 'ProfileBinding'];

interface AgentPod extends KubeObject {
  readonly spec: { readonly nodeName?: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

export async function lookAt(client: KubeClient, namespace: string): Promise<Situation> {
  const operator = await find<Workload>(client, DEPLOYMENTS, namespace, OPERATOR);
  const agents = await find<Workload>(client, DAEMON_SETS, namespace, AGENTS);
  let objects = 0;
  const foreign: string[] = [];
  for (const { resource } of OWN_KINDS)
    for await (const object of each(client, resource)) {
      if (ENDED.includes(resource.kind)) objects += 1;
      else if ((object.metadata.finalizers ?? []).length > 0) foreign.push(`${resource.kind} ${keyOf(object)}`);
    }
  return {
    spo: (operator && !runs(operator, 'operator')) || (agents && !runs(agents, 'agent')) || false,
    users: await usersOf(client),
    objects,
    foreign,
    operator: (operator?.status?.readyReplicas ?? 0) > 0,
    agents: agents?.status?.desiredNumberScheduled ?? 0,
    away: agents ? await away(client, namespace) : [],
  };
}

/** Pods that run under a file of the directory that goes. */
export async function usersOf(client: KubeClient): Promise<string[]> {
  const users: string[] = [];
  for await (const pod of each<KubeObject & ReferringPod>(client, PODS))
    if (referencesOf(pod).length > 0) users.push(keyOf(pod));
  return users;
}

/** Nodes whose agent is not ready. */
export async function away(client: KubeClient, namespace: string): Promise<string[]> {
  const nodes: string[] = [];
  const labelSelector = `app=${OPERATOR},name=${AGENTS}`;
  for await (const { spec, status } of each<AgentPod>(client, PODS, { namespace, labelSelector })) {
    const ready = status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True');
    if (!ready) nodes.push(spec.nodeName ?? 'none yet');
  }
  return nodes;
}
