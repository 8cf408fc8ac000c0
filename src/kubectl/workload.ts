import type { KubeClient } from '../kube/client.ts';
import { isKube } from '../kube/errors.ts';
import type { KubeObject, Resource } from '../kube/object.ts';
import { SyscribeError } from '../platform/errors.ts';

/** What a workload is asked for, by the names that kubectl takes. */
interface WorkloadKind {
  readonly resource: Resource;
  readonly names: readonly string[];
}

const KINDS: readonly WorkloadKind[] = [
  apps('deployments', 'Deployment', 'deploy', 'deployment'),
  apps('statefulsets', 'StatefulSet', 'sts', 'statefulset'),
  apps('daemonsets', 'DaemonSet', 'ds', 'daemonset'),
];

function apps(plural: string, kind: string, ...names: readonly string[]): WorkloadKind {
  return { resource: { group: 'apps', version: 'v1', plural, kind, namespaced: true }, names: [...names, plural] };
}

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

interface WorkloadObject extends KubeObject {
  readonly spec: {
    readonly selector: Selector;
    readonly replicas?: number;
    readonly template: {
      readonly spec: { readonly containers: readonly { readonly name: string; readonly image: string }[] };
    };
  };
}

/** Something whose pods are made of one template. */
export interface Workload {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  readonly selector: Selector;
  /** Of its pods' template. */
  readonly containers: readonly { readonly name: string; readonly image: string }[];
}

/** @throws SyscribeError ERR_USAGE for what is not KIND/NAME. */
function parseWorkload(text: string): { readonly resource: Resource; readonly name: string } {
  const [kind = '', name = '', ...more] = text.split('/');
  const found = KINDS.find(({ names }) => names.includes(kind.toLowerCase()));
  if (found && name !== '' && more.length === 0) return { resource: found.resource, name };
  throw new SyscribeError('ERR_USAGE', `"${text}" is no workload`, {
    remedy: 'Name a Deployment, StatefulSet or DaemonSet, as deploy/NAME, sts/NAME or ds/NAME.',
  });
}

/** @throws SyscribeError ERR_TARGET_NOT_FOUND where it is not there. */
export async function findWorkload(client: KubeClient, text: string, namespace: string): Promise<Workload> {
  const { resource, name } = parseWorkload(text);
  try {
    const { spec } = await client.get<WorkloadObject>(resource, { namespace, name });
    const containers = spec.template.spec.containers.map((one) => ({ name: one.name, image: one.image }));
    return { resource, namespace, name, selector: spec.selector, containers };
  } catch (error) {
    if (!isKube(error, 'notFound')) throw error;
    throw new SyscribeError('ERR_TARGET_NOT_FOUND', `there is no ${resource.kind} ${name} in namespace ${namespace}`, {
      remedy: 'Name its namespace (-n).',
    });
  }
}

/** Its pods are made anew, as `kubectl rollout restart` does it. */
export async function restart(client: KubeClient, { resource, namespace, name }: Workload, now: Date): Promise<void> {
  const annotations = { 'kubectl.kubernetes.io/restartedAt': now.toISOString() };
  const patch = { spec: { template: { metadata: { annotations } } } };
  await client.patch(resource, { namespace, name }, patch, { type: 'merge' });
}
