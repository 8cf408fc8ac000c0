import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { EventRecorder } from '../../kube/events.ts';
import { LeaderElection } from '../../kube/lease.ts';
import { DaemonOperator } from '../../operator/daemon/daemon.ts';
import { StartupTaints } from '../../operator/daemon/startup-taints.ts';
import { watchDaemon } from '../../operator/daemon/watch.ts';
import { migrateStorage } from '../../operator/migration.ts';
import { Installations } from '../../operator/profiles/controller.ts';
import { allNodesOf, watchInstallations } from '../../operator/profiles/view.ts';
import { Operator } from '../../operator/recordings/controller.ts';
import { HealthServer } from '../../platform/health-server.ts';
import { pause } from '../../platform/wait.ts';
import { restrictedTo, runTogether, startComponent } from '../component.ts';
import { EXIT } from '../exit.ts';

export interface Options {
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly kubeletDir: string;
  readonly health: { readonly host: string; readonly port: number };
}

/** Milliseconds after which the storage of older versions is tried again. */
const MIGRATION = 60_000;

/** The operator, from its options on: what it is made of, and what runs. Gives its exit status. */
export async function run(options: Options): Promise<number> {
  const { log, client, stop } = startComponent('operator', options);
  await using _client = client;
  await using events = new EventRecorder(client, { component: 'policymerger' });
  await using rolloutEvents = new EventRecorder(client, { component: 'rollout' });
  await using daemonEvents = new EventRecorder(client, { component: 'spod-config' });
  const view = watchInstallations(client, log, options.namespace);
  const operator = new Operator(client, events, log, () => allNodesOf(view));
  const migrate = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      try {
        if ((await migrateStorage(client, log, signal)).length === 0) return;
      } catch (error) {
        if (!signal.aborted) log.warn({ error }, 'older versions are still stored');
      }
      await pause(MIGRATION, signal);
    }
  };
  const daemonView = watchDaemon(client, log, options.namespace);
  const installations = new Installations({
    ...{ client, log, view },
    daemons: daemonView.daemons,
    events: rolloutEvents,
    profiles: operator.profiles,
    reporting: operator.reporting,
  });
  const daemon = new DaemonOperator(
    { client, events: daemonEvents, log, view: daemonView, cluster: view },
    {
      namespace: options.namespace,
      kubeletDirectory: options.kubeletDir,
      restrictedTo: restrictedTo(process.env, options.namespace),
    },
  );
  const taints = new StartupTaints({
    ...{ client, log, events: daemonEvents },
    ...{ nodes: view.nodes, agentPods: daemonView.agentPods },
  });
  const election = new LeaderElection(client, {
    namespace: options.namespace,
    name: 'security-profiles-operator-lock',
    identity: `${hostname()}_${randomUUID()}`,
    log,
  });
  await using _health = await HealthServer.listen(options.health, {});
  log.info({}, 'operator started');
  await runTogether(stop, [
    async (signal) => {
      await Promise.all([operator.watch(signal), installations.watch(signal), daemon.watch(signal)]);
    },
    (signal) =>
      election.run(signal, async (leading) => {
        log.info({}, 'leading');
        await Promise.all([
          operator.lead(leading),
          installations.lead(leading),
          daemon.lead(leading),
          taints.lead(leading),
          migrate(leading),
        ]);
      }),
  ]);
  return EXIT.ok;
}
