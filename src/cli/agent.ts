import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { OnBatch } from '../agent/audit/audit-log.ts';
import { LABELS } from '../api/names.ts';
import type { Continuation } from '../capture/audit/log-file.ts';
import { SOURCES, type SourceChoice } from '../capture/audit/open.ts';
import type { Log } from '../kube/log.ts';
import { untilAborted } from '../platform/wait.ts';
import { runTogether, startComponent } from './component.ts';
import type { MetricsOptions } from './compose/agent-metrics.ts';
import { EXIT } from './exit.ts';
import { parseAddress, parseBoolean, parseCount, parseList } from './values.ts';

interface Options extends MetricsOptions {
  readonly kubeconfig?: string;
  readonly nodeName: string;
  readonly stateDir: string;
  readonly pinDir: string;
  readonly cgroupMount: string;
  readonly cgroupRoot: string;
  readonly kubeletDir: string;
  readonly namespace: string;
  readonly slots: number;
  readonly withRecording: boolean;
  readonly recorders: readonly string[];
  readonly withMemOptim: boolean;
  readonly verbosity: number;
  readonly profiling: boolean;
  readonly profilingPort: number;
  readonly auditSource: SourceChoice['source'];
  readonly auditFile?: string;
  readonly auditRateLimit: number;
  readonly health: { readonly host: string; readonly port: number };
  readonly clean?: 'all' | 'state';
}

/** Milliseconds after which all that only starting takes is done. */
const STARTED = 10_000;

const HELP = `
Recordings in progress survive the agent: maps and programs are pinned in a bpffs (which must be mounted on the host), what
was seen is kept in the state directory.

Example:
  $ syscribe agent --node-name worker-1 --kubeconfig agent.kubeconfig`;

export function register(program: Command): void {
  program
    .command('agent')
    .description('installs profiles on one Kubernetes node, and records its pods, as ProfileRecordings ask for')
    .option('--kubeconfig <file>', 'how to reach the API server; default: the service account of the pod')
    .requiredOption('--node-name <name>', 'the node (or $NODE_NAME)', process.env.NODE_NAME)
    .addOption(setting('--state-dir <path>', 'where recordings in progress are kept').default('/var/lib/syscribe'))
    .addOption(setting('--pin-dir <path>', 'a directory of the host’s bpffs').default('/sys/fs/bpf/syscribe'))
    .option('--cgroup-mount <path>', 'where the host’s /sys/fs/cgroup is', '/sys/fs/cgroup')
    .addOption(setting('--cgroup-root <path>', 'the kubelet’s cgroupRoot').default('/'))
    .option(
      '--kubelet-dir <path>',
      'kubelet’s root directory on the host (or $KUBELET_DIR)',
      process.env.KUBELET_DIR ?? '/var/lib/kubelet',
    )
    .option(
      '--namespace <name>',
      'where the daemon object spod is (or $OPERATOR_NAMESPACE)',
      process.env.OPERATOR_NAMESPACE ?? 'security-profiles-operator',
    )
    .option('--with-recording <bool>', 'whether containers are recorded at all', parseBoolean, true)
    .option('--recorders <names>', 'by what containers are recorded: Bpf, Logs', parseRecorders, RECORDERS)
    .option(
      '--with-mem-optim <bool>',
      `record only pods with the label ${LABELS.enableRecording}=true, and keep little of others`,
      parseBoolean,
      false,
    )
    .addOption(setting('--slots <n>', 'containers that can be recorded at once').argParser(parseCount).default(512))
    .addOption(
      new Option('--audit-source <source>', 'where recorder Logs reads').choices(SOURCES).default('auto' as const),
    )
    .option('--audit-file <path>', 'read this log instead of auditd’s or the system’s')
    .addOption(
      setting(
        '--audit-rate-limit <n>',
        'records a second that containers recorded by Logs may make together, over ten seconds; the noisiest are left out above it (0: no limit)',
      )
        .argParser((text) => (text === '0' ? 0 : parseCount(text)))
        .default(20_000),
    )
    .addOption(
      setting('--metrics <address>', 'where metrics are')
        .argParser(parseAddress)
        .default({ host: '0.0.0.0', port: 9443 }),
    )
    .option('--no-metrics', 'offer no metrics')
    .option('--with-insecure-metrics-access <bool>', 'offer metrics by plain HTTP, to everybody', parseBoolean, false)
    .addOption(
      setting(
        '--metrics-cert-dir <path>',
        'where tls.crt and tls.key for the metrics are; default: one made at each start',
      ),
    )
    .addOption(
      setting('--health <address>', 'where /healthz is')
        .argParser(parseAddress)
        .default({ host: '0.0.0.0', port: 8085 }),
    )
    .option(
      '--verbosity <n>',
      'how much is logged: from 1 on, requests to the API server (or $SPO_VERBOSITY)',
      parseVerbosity,
      parseVerbosity(process.env.SPO_VERBOSITY ?? '0'),
    )
    .option(
      '--profiling <bool>',
      'offer profiles of this process, to everybody (or $SPO_PROFILING)',
      parseBoolean,
      process.env.SPO_PROFILING === 'true',
    )
    .option(
      '--profiling-port <port>',
      'where profiles are (or $SPO_PROFILING_PORT)',
      parseCount,
      parseCount(process.env.SPO_PROFILING_PORT ?? '6060'),
    )
    .addOption(
      new Option(
        '--clean <what>',
        'take away what agents have left on the node: profiles too, or only what was recorded; then wait to be ended',
      ).choices(['all', 'state']),
    )
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      process.exitCode = await (options.clean ? clean(options, options.clean) : run(options));
    });
}

/** Its readiness tells whoever uninstalls that the node is clean. */
async function clean({ kubeletDir, stateDir, pinDir, health }: Options, what: 'all' | 'state'): Promise<number> {
  const { cleanNode } = await import('../agent/cleanup.ts');
  const { HealthServer } = await import('../platform/health-server.ts');
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  cleanNode({ kubeletDirectory: kubeletDir, stateDirectory: stateDir, pinDirectory: pinDir }, what);
  await using _health = await HealthServer.listen(health, {});
  await untilAborted(stop.signal);
  return EXIT.ok;
}

/** What no field of the daemon object says can so be set on its DaemonSet, beside the arguments that are the operator's. */
function setting(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.env(`SYSCRIBE_${option.name().toUpperCase().replaceAll('-', '_')}`);
}

const RECORDERS: readonly string[] = ['Bpf', 'Logs'];

function parseRecorders(text: string): string[] {
  const names = parseList(text);
  if (names.every((name) => RECORDERS.includes(name))) return names;
  throw new InvalidArgumentError('Bpf, Logs, or both.');
}

/** As klog's: any number. */
function parseVerbosity(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('A number from 0 on.');
}

async function run(options: Options): Promise<number> {
  const recorders = options.withRecording ? options.recorders : [];
  const { Agent } = await import('../agent/recording/ebpf-recorder.ts');
  const { watchCluster } = await import('../agent/pods/cluster.ts');
  const { Identities } = await import('../agent/pods/identities.ts');
  const { Journal } = await import('../agent/recording/journal.ts');
  const { LogProfile } = await import('../agent/install/log-profile.ts');
  const { Installs } = await import('../agent/install/reconciler.ts');
  const { InstallMetrics } = await import('../agent/install/metrics.ts');
  const { SeccompInstaller } = await import('../agent/install/seccomp.ts');
  const { Statuses } = await import('../agent/status/statuses.ts');
  const { containersAlive } = await import('../agent/pods/live-containers.ts');
  const { CheckpointFile } = await import('../agent/recording/log/checkpoint.ts');
  const { openAuditLog } = await import('../agent/audit/audit-log.ts');
  const { Logs } = await import('../agent/recording/log/log-recorder.ts');
  const { Safety } = await import('../agent/audit/safety.ts');
  const { RecorderOff, tellUnlabelled } = await import('../agent/recording/disabled.ts');
  const { AgentMetrics } = await import('../agent/metrics.ts');
  const { Publisher } = await import('../agent/recording/publisher.ts');
  const { Records } = await import('../agent/recording/record-store.ts');
  const { RolloutHistory } = await import('../agent/rollout/history.ts');
  const { Rollouts } = await import('../agent/rollout/rollouts.ts');
  const { dropStartupPages } = await import('../capture/resident.ts');
  const { EventRecorder } = await import('../kube/events.ts');
  const { SyscribeError } = await import('../platform/errors.ts');
  const { HealthServer } = await import('../platform/health-server.ts');
  const { serveMetrics } = await import('./compose/agent-metrics.ts');
  const { nodeName: node, slots, auditSource: source, auditFile: file } = options;
  const metrics = new AgentMetrics({ node, slots });
  const { log, client, stop } = startComponent('agent', options, metrics.observeRequest);
  await using _client = client;
  await using events = new EventRecorder(client, { component: 'profilerecorder', host: node });
  await using installEvents = new EventRecorder(client, { component: 'profile', host: node });
  using identities = new Identities(log);
  const journal = new Journal(join(options.stateDir, 'records'), (line) => log.warn({}, line));
  const records: InstanceType<typeof Records> = new Records(journal, (record) => publisher.changed(record));
  const publisher = new Publisher(
    {
      client,
      events,
      log,
      record: (id) => records.get(id),
      published: (id, object) => records.published(id, object),
      refused: (id) => records.refused(id),
      settled: (id) => records.remove(id),
    },
    { node },
  );
  const view = watchCluster(client, log, { node, labelledOnly: options.withMemOptim });
  const parts = { view, identities, records, events, log };
  const cgroups = { cgroups: options.cgroupMount, cgroupRoot: options.cgroupRoot };
  const agent = new Agent(parts, { ...cgroups, pins: options.pinDir, slots });
  const alive = () => containersAlive(cgroups);
  const logProfile = new LogProfile(options.kubeletDir);
  logProfile.ensure();
  const safety = new Safety((line) => log.warn({}, line));
  const openLog = async (onBatch: OnBatch, from?: Continuation) => {
    safety.check();
    const choice = { source, ...(file !== undefined && { file }) };
    return openAuditLog(onBatch, { choice, node, say: (line) => log.info({}, line), ...(from && { from }) });
  };
  const logs = new Logs({
    ...parts,
    alive,
    rateLimit: options.auditRateLimit,
    checkpoints: new CheckpointFile(join(options.stateDir, 'audit-log.json')),
    open: async (onBatch, from) => {
      logProfile.ensure();
      const take: OnBatch = (batch) => {
        metrics.observeEvents(batch.events);
        onBatch(batch);
      };
      return openLog(take, from);
    },
  });
  const seccomp = new SeccompInstaller(client, log, {
    kubeletDirectory: options.kubeletDir,
    namespace: options.namespace,
  });
  const statuses = new Statuses({ client, log, node });
  const rollouts = new Rollouts({
    installers: [seccomp],
    pods: view.pods,
    identities,
    alive,
    history: new RolloutHistory(join(options.stateDir, 'rollouts.json'), log),
    log,
    statuses,
    open: async (onBatch) => {
      if (recorders.includes('Logs')) return openLog(onBatch);
      throw new SyscribeError('ERR_AUDIT_SOURCE', 'agents do not read the audit log', {
        remedy: 'Set spec.enricher.enableLogEnricher of the daemon object spod.',
      });
    },
  });
  const installs = new Installs({
    client,
    node,
    installers: [seccomp],
    statuses,
    rollouts,
    pods: view.pods,
    events: installEvents,
    metrics: new InstallMetrics(metrics.spod, [seccomp.metric]),
    log,
  });
  records.load((line) => log.warn({}, line));
  await using served = await serveMetrics(
    options,
    {
      '/metrics': metrics.process,
      '/metrics-spod': metrics.measure({ agent, logs, records, journal, publisher, view }),
    },
    { client, log, observe: metrics.observeScrape },
  );
  if (options.withMemOptim) tellUnlabelled(view, events);
  if (!recorders.includes('Bpf')) unpin(options.pinDir, log);
  const off = RECORDERS.filter((name) => !recorders.includes(name));
  for (const name of off) new RecorderOff(view, events, name as 'Bpf' | 'Logs');
  // Not an API server that is away, however long: recording goes on without it, and starting this process anew brings back
  // nothing, but makes holes in what is recorded from the log. Nor a log that cannot be read: that is told of the pods.
  await using _health = await HealthServer.listen(options.health, {
    'recorder-spod': () => agent.unsupported,
    'log-profile': () => logProfile.failure,
    journal: () => journal.failures[0],
  });
  await using _profiling = options.profiling ? await offerProfiles(options, log) : undefined;
  log.info({ node, recorders, records: records.size }, 'agent started');
  setTimeout(dropStartupPages, STARTED).unref();
  if (logProfile.failure !== undefined) log.warn({}, `the profile for recorder Logs: ${logProfile.failure}`);
  await runTogether(stop, [
    (signal) => view.pods.run(signal),
    (signal) => view.recordings.run(signal),
    (signal) => view.namespaces.run(signal),
    (signal) => publisher.run(signal),
    ...(recorders.includes('Bpf') ? [(signal: AbortSignal) => agent.run(signal)] : []),
    ...(recorders.includes('Logs') ? [(signal: AbortSignal) => logs.run(signal)] : []),
    (signal) => installs.run(signal),
    (signal) => rollouts.run(signal),
    (signal) => served.run(signal),
  ]);
  return EXIT.ok;
}

/** What an earlier agent recorded by: programs end with their pins. */
function unpin(directory: string, log: Log): void {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    log.warn({ error }, `what is pinned in ${directory} goes on recording: remove it`);
  }
}

async function offerProfiles({ health: { host }, profilingPort: port }: Options, log: Log): Promise<AsyncDisposable> {
  const { ProfilingServer } = await import('../platform/profiling-server.ts');
  const server = await ProfilingServer.listen({ host, port });
  // SPO's words.
  log.info({ port }, 'Profiling support enabled: true');
  return server;
}
