import type { KubeClient } from '../kube/client.ts';
import { type KubeObject, PODS, pathOf, type Resource } from '../kube/object.ts';
import { OPERATOR } from './installed.ts';
import { each, remove } from './objects.ts';
import { left, nothingLeft } from './wait.ts';

/** What is read of a Deployment or DaemonSet. */
export interface Workload extends KubeObject {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly { readonly args?: readonly string[] }[];
        readonly volumes?: readonly unknown[];
      };
    };
  };
  readonly status?: {
    readonly availableReplicas?: number;
    readonly readyReplicas?: number;
    readonly desiredNumberScheduled?: number;
  };
}

/** Ours is told by this command; SPO has others under the same names. */
export function runs({ spec }: Workload, command: string): boolean {
  return spec.template.spec.containers.some(({ args }) => args?.[0] === command);
}

/** The pods of one of our workloads. */
function labelsOf(name: string): string {
  return `app=${OPERATOR},name=${name}`;
}

/** Deletes a Deployment or DaemonSet and waits until its pods are gone. */
export async function endWorkload(
  client: KubeClient,
  { resource, name }: { readonly resource: Resource; readonly name: string },
  namespace: string,
  { lenient, timeout }: { readonly lenient: boolean; readonly timeout: number },
): Promise<void> {
  await remove(client, resource, namespace, name);
  const look = () => podsOf(client, namespace, name);
  if (lenient) {
    // Nobody ends a pod of a node that is dead; its object would hold the namespace.
    for (const pod of await left(look, timeout)) {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 };
      await client.request('DELETE', pathOf(PODS, { namespace, name: pod }), { body });
    }
  }
  await nothingLeft(`pods of ${name} are still there`, 'See what holds them, or: --force.', look, timeout);
}

async function podsOf(client: KubeClient, namespace: string, name: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { metadata } of each(client, PODS, { namespace, labelSelector: labelsOf(name) }))
    names.push(metadata.name);
  return names;
}
