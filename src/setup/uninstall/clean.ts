import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { DAEMON_SETS } from '../../kube/resources.ts';
import { SyscribeError } from '../../platform/errors.ts';
import { AGENTS } from '../installed.ts';
import { find } from '../objects.ts';
import { left, nothingLeft } from '../wait.ts';
import type { Step } from './plan.ts';
import { away } from './situation.ts';

interface Container {
  readonly args?: readonly string[];
}

interface DaemonSet extends KubeObject {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberReady?: number;
  };
}

/**
 * Has each node's agent, with the directories it knows, take away what it left there. Where the DaemonSet comes from does not
 * matter: whoever would write it anew is gone by then.
 */
export async function cleanNodes(
  client: KubeClient,
  namespace: string,
  { profiles, lenient }: Extract<Step, { do: 'clean' }>,
  timeout: number,
): Promise<readonly string[]> {
  const found = await find<DaemonSet>(client, DAEMON_SETS, namespace, AGENTS);
  if (!found) return [];
  const patch = cleaningPatch(found, profiles ? 'all' : 'state');
  await client.patch(DAEMON_SETS, { namespace, name: AGENTS }, patch, { type: 'json' });
  const look = async () => {
    const now = await find<DaemonSet>(client, DAEMON_SETS, namespace, AGENTS);
    if (!now || isCleaned(now)) return [];
    const nodes = await away(client, namespace);
    return nodes.length > 0 ? nodes : ['(being restarted)'];
  };
  if (lenient) return left(look, timeout);
  const remedy = 'See the logs of their pods (name=spod); or leave there what there is: --force.';
  await nothingLeft('nodes are not cleaned', remedy, look, timeout);
  return [];
}

/** @throws SyscribeError where no container of it is an agent. */
export function cleaningPatch({ spec }: Pick<DaemonSet, 'spec'>, what: 'all' | 'state'): object[] {
  const { containers } = spec.template.spec;
  const index = containers.findIndex(({ args }) => args?.[0] === 'agent');
  const [agent, args] = [containers[index], containers[index]?.args];
  if (!agent || !args)
    throw new SyscribeError('ERR_SETUP', 'no container of the DaemonSet spod is an agent', {
      remedy: 'Is it another’s, of the Security Profiles Operator for example? Uninstall that as it says.',
    });
  // Once more, where it is asked for again.
  const others = args.filter((arg) => !arg.startsWith('--clean='));
  return [
    {
      op: 'replace',
      path: '/spec/template/spec/containers',
      value: [{ ...agent, args: [...others, `--clean=${what}`] }],
    },
    {
      op: 'add',
      path: '/spec/updateStrategy',
      value: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%' } },
    },
  ];
}

function isCleaned({ metadata, status = {} }: DaemonSet): boolean {
  const { observedGeneration = 0, desiredNumberScheduled = 0, updatedNumberScheduled = 0, numberReady = 0 } = status;
  return (
    observedGeneration >= (metadata.generation ?? 0) &&
    updatedNumberScheduled >= desiredNumberScheduled &&
    numberReady >= desiredNumberScheduled
  );
}
