import { join } from 'node:path';
import type { Command } from 'commander';
import { runTogether, startComponent } from './component.ts';
import { EXIT } from './exit.ts';
import { parseAddress, parseCount } from './values.ts';

interface Options {
  readonly kubeconfig?: string;
  readonly nodeName: string;
  readonly stateDir: string;
  readonly pinDir: string;
  readonly cgroupMount: string;
  readonly cgroupRoot: string;
  readonly slots: number;
  readonly health: { readonly host: string; readonly port: number };
}

const HELP = `
Recordings in progress survive the agent: maps and programs are pinned in a bpffs (which must be mounted on the host), what
was seen is kept in the state directory.

Example:
  $ syscribe agent --node-name worker-1 --kubeconfig agent.kubeconfig`;

export function register(program: Command): void {
  program
    .command('agent')
    .description('records the pods of one Kubernetes node, as ProfileRecordings ask for')
    .option('--kubeconfig <file>', 'how to reach the API server; default: the service account of the pod')
    .requiredOption('--node-name <name>', 'the node (or $NODE_NAME)', process.env.NODE_NAME)
    .option('--state-dir <path>', 'where recordings in progress are kept', '/var/lib/syscribe')
    .option('--pin-dir <path>', 'a directory of the host’s bpffs', '/sys/fs/bpf/syscribe')
    .option('--cgroup-mount <path>', 'where the host’s /sys/fs/cgroup is', '/sys/fs/cgroup')
    .option('--cgroup-root <path>', 'the kubelet’s cgroupRoot', '/')
    .option('--slots <n>', 'containers that can be recorded at once', parseCount, 512)
    .option('--health <address>', 'where /healthz is', parseAddress, { host: '0.0.0.0', port: 8085 })
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      process.exitCode = await run(options);
    });
}

async function run(options: Options): Promise<number> {
  const { Agent } = await import('../agent/agent.ts');
  const { watchCluster } = await import('../agent/cluster.ts');
  const { Identities } = await import('../agent/identities.ts');
  const { Journal } = await import('../agent/journal.ts');
  const { Publisher } = await import('../agent/publisher.ts');
  const { Records } = await import('../agent/records.ts');
  const { EventRecorder } = await import('../kube/events.ts');
  const { HealthServer } = await import('../platform/health-server.ts');
  const { log, client, stop } = startComponent('agent', options);
  await using _client = client;
  await using events = new EventRecorder(client, { component: 'profilerecorder', host: options.nodeName });
  using identities = new Identities(log);
  const records: InstanceType<typeof Records> = new Records(new Journal(join(options.stateDir, 'records')), (record) =>
    publisher.changed(record),
  );
  const publisher = new Publisher(
    {
      client,
      events,
      log,
      record: (id) => records.get(id),
      published: (id, object) => records.published(id, object),
      settled: (id) => records.remove(id),
    },
    { node: options.nodeName },
  );
  const view = watchCluster(client, log, options.nodeName);
  const agent = new Agent(
    { view, identities, records, events, log },
    { cgroups: options.cgroupMount, cgroupRoot: options.cgroupRoot, pins: options.pinDir, slots: options.slots },
  );
  records.load((line) => log.warn({}, line));
  await using _health = await HealthServer.listen(options.health, { 'recorder-spod': () => agent.unsupported });
  log.info({ node: options.nodeName, records: records.size }, 'agent started');
  await runTogether(stop, [
    (signal) => view.pods.run(signal),
    (signal) => view.recordings.run(signal),
    (signal) => view.namespaces.run(signal),
    (signal) => publisher.run(signal),
    (signal) => agent.run(signal),
  ]);
  return EXIT.ok;
}
