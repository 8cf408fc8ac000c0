import type { KubeClient } from '../../kube/client.ts';
import { NAMESPACES, PODS } from '../../kube/object.ts';
import { DAEMON_SETS, DEPLOYMENTS } from '../../kube/resources.ts';
import { SyscribeError } from '../../platform/errors.ts';
import {
  AGENTS,
  CLUSTER_WIDE,
  GATES,
  IN_NAMESPACE,
  type Named,
  OF_THE_UNINSTALLER,
  OPERATOR,
  UNINSTALLER_IN_NAMESPACE,
  WORKLOADS,
} from '../installed.ts';
import { each, remove } from '../objects.ts';
import { endWorkload } from '../workload.ts';
import { cleanNodes } from './clean.ts';
import { removeGuarded } from './guarded.ts';
import { endConversion, endDefinitions, endObjects } from './kinds.ts';
import { planOf, refusal, type Step, type UninstallOptions } from './plan.ts';
import { lookAt, usersOf } from './situation.ts';

export interface UninstallSettings extends UninstallOptions {
  /** Where the installation is. */
  readonly namespace: string;
  /** Milliseconds that each step may take. */
  readonly timeout: number;
  readonly say: (line: string) => void;
}

const SAID: Readonly<Record<Exclude<Step['do'], 'end'>, string>> = {
  gates: 'webhooks and policies go',
  conversion: 'objects are converted no more',
  operator: 'the operator goes',
  clean: 'agents clean their nodes',
  agents: 'the agents go',
  definitions: 'definitions go',
  rest: 'all else goes',
};

/**
 * Takes an installation away, with all objects of its kinds. It may be done again where it was cut short.
 * @throws SyscribeError ERR_SETUP_REFUSED where nothing was done, ERR_SETUP where it did not come to its end.
 */
export async function uninstall(client: KubeClient, settings: UninstallSettings): Promise<void> {
  const situation = await lookAt(client, settings.namespace);
  const refused = refusal(situation, settings);
  if (refused) throw new SyscribeError('ERR_SETUP_REFUSED', refused.message, { remedy: refused.remedy });
  for (const step of planOf(situation, settings)) {
    settings.say(step.do === 'end' ? `${step.which === 'all' ? 'objects' : step.which} go` : SAID[step.do]);
    await take(client, step, settings);
  }
}

async function take(client: KubeClient, step: Step, settings: UninstallSettings): Promise<void> {
  const { namespace, timeout, say } = settings;
  switch (step.do) {
    case 'gates':
      return removeAll(client, GATES, undefined);
    case 'conversion':
      return endConversion(client);
    case 'end':
      return endObjects(client, step, timeout);
    case 'operator':
      await endWorkload(client, { resource: DEPLOYMENTS, name: OPERATOR }, namespace, {
        lenient: settings.force,
        timeout,
      });
      // It has configured the webhooks anew, as the daemon object says; they still answer.
      return removeAll(client, GATES, undefined);
    case 'clean': {
      if (step.profiles) await stillUnused(client);
      const dirty = await cleanNodes(client, namespace, step, timeout);
      if (dirty.length > 0) say(`not cleaned: ${dirty.join(', ')}`);
      return undefined;
    }
    case 'agents':
      return endWorkload(client, { resource: DAEMON_SETS, name: AGENTS }, namespace, {
        lenient: step.lenient,
        timeout,
      });
    case 'definitions':
      return endDefinitions(client, timeout);
    case 'rest':
      return endRest(client, settings);
  }
}

/** Since the first look, pods may have begun. */
async function stillUnused(client: KubeClient): Promise<void> {
  const users = await usersOf(client);
  if (users.length === 0) return;
  throw new SyscribeError('ERR_SETUP', `pods have begun to use profiles: ${users.slice(0, 10).join(', ')}`, {
    remedy: 'Delete them, or leave the files on the nodes: --keep-files.',
  });
}

async function endRest(
  client: KubeClient,
  { namespace, force: lenient, timeout, say }: UninstallSettings,
): Promise<void> {
  for (const workload of WORKLOADS) await endWorkload(client, workload, namespace, { lenient, timeout });
  await removeAll(client, IN_NAMESPACE, namespace);
  for (const one of CLUSTER_WIDE) await removeGuarded(client, one, timeout);
  const others: string[] = [];
  for await (const { metadata } of each(client, PODS, { namespace })) others.push(metadata.name);
  if (others.length > 0) {
    // This one among them, where it runs as a Job.
    say(`the namespace ${namespace} stays, with its pods ${others.join(', ')}: kubectl delete namespace ${namespace}`);
    return;
  }
  await removeAll(client, UNINSTALLER_IN_NAMESPACE, namespace);
  await removeAll(client, OF_THE_UNINSTALLER, undefined);
  await remove(client, NAMESPACES, undefined, namespace);
}

async function removeAll(client: KubeClient, all: readonly Named[], namespace: string | undefined): Promise<void> {
  for (const { resource, name } of all)
    await remove(client, resource, resource.namespaced ? namespace : undefined, name);
}
