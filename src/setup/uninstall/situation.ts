import { type ReferringPod, referencesOf } from '../../api/references.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isKube } from '../../kube/errors.ts';
import { type KubeObject, keyOf, PODS, type Resource } from '../../kube/object.ts';
import { AGENTS, OPERATOR, OWN_KINDS } from '../installed.ts';
import { DAEMON_SETS, DEPLOYMENTS } from '../resources.ts';
import type { Situation } from './plan.ts';

/** Kinds whose finalizers the operator takes away, or nobody sets. */
const ENDED = ['SeccompProfile', 'ProfileRecording', 'ProfileBinding'];

interface Workload extends KubeObject {
  readonly status?: { readonly readyReplicas?: number; readonly desiredNumberScheduled?: number };
}

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

/** All objects of a type; none where there is no such type (any more). */
export async function* each<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  selection: { readonly namespace?: string; readonly labelSelector?: string } = {},
): AsyncGenerator<T> {
  try {
    for await (const { items } of client.pages<T>(resource, selection)) yield* items;
  } catch (error) {
    if (!isKube(error, 'notFound')) throw error;
  }
}

export async function find<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  namespace: string | undefined,
  name: string,
): Promise<T | undefined> {
  try {
    return await client.get<T>(resource, { namespace, name });
  } catch (error) {
    if (isKube(error, 'notFound')) return undefined;
    throw error;
  }
}
