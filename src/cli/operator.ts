import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { pause } from '../platform/wait.ts';
import { restrictedTo, runTogether, startComponent } from './component.ts';
import { EXIT } from './exit.ts';
import { parseAddress } from './values.ts';

interface Options {
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly kubeletDir: string;
  readonly health: { readonly host: string; readonly port: number };
}

/** Milliseconds after which the storage of older versions is tried again. */
const MIGRATION = 60_000;

const HELP = `
Any number of replicas may run: one leads, by the lease security-profiles-operator-lock, the others are ready to.

Example:
  $ syscribe operator --namespace security-profiles-operator`;

export function register(program: Command): void {
  program
    .command('operator')
    .description(
      'runs the agents, tells what has become of profiles on nodes, merges what was recorded, and ends what is deleted',
    )
    .option('--kubeconfig <file>', 'how to reach the API server; default: the service account of the pod')
    .option(
      '--namespace <name>',
      'where the lease and the agents are (or $OPERATOR_NAMESPACE)',
      process.env.OPERATOR_NAMESPACE ?? 'security-profiles-operator',
    )
    .option(
      '--kubelet-dir <path>',
      'kubelet’s root directory on the nodes (or $KUBELET_DIR)',
      process.env.KUBELET_DIR ?? '/var/lib/kubelet',
    )
    .option('--health <address>', 'where /healthz is', parseAddress, { host: '0.0.0.0', port: 8085 })
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      process.exitCode = await run(options);
    });
}

async function run(options: Options): Promise<number> {
  const { EventRecorder } = await import('../kube/events.ts');
  const { LeaderElection } = await import('../kube/lease.ts');
  const { DaemonOperator } = await import('../operator/daemon/daemon.ts');
  const { StartupTaints } = await import('../operator/daemon/startup-taints.ts');
  const { watchDaemon } = await import('../operator/daemon/watch.ts');
  const { Installations } = await import('../operator/profiles/controller.ts');
  const { allNodesOf, watchInstallations } = await import('../operator/profiles/view.ts');
  const { migrateStorage } = await import('../operator/migration.ts');
  const { Operator } = await import('../operator/recordings/controller.ts');
  const { HealthServer } = await import('../platform/health-server.ts');
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
