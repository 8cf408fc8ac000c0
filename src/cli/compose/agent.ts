import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type OnBatch, openAuditLog } from '../../agent/audit/audit-log.ts';
import { Safety } from '../../agent/audit/safety.ts';
import { LogProfile } from '../../agent/install/log-profile.ts';
import { InstallMetrics } from '../../agent/install/metrics.ts';
import { Installs } from '../../agent/install/reconciler.ts';
import { SeccompInstaller } from '../../agent/install/seccomp.ts';
import { AgentMetrics } from '../../agent/metrics.ts';
import { watchCluster } from '../../agent/pods/cluster.ts';
import { Identities } from '../../agent/pods/identities.ts';
import { containersAlive } from '../../agent/pods/live-containers.ts';
import { RecorderOff, tellUnlabelled } from '../../agent/recording/disabled.ts';
import { Agent } from '../../agent/recording/ebpf-recorder.ts';
import { Journal } from '../../agent/recording/journal.ts';
import { CheckpointFile } from '../../agent/recording/log/checkpoint.ts';
import { Logs } from '../../agent/recording/log/log-recorder.ts';
import { Publisher } from '../../agent/recording/publisher.ts';
import { Records } from '../../agent/recording/record-store.ts';
import { RolloutHistory } from '../../agent/rollout/history.ts';
import { Rollouts } from '../../agent/rollout/rollouts.ts';
import { Statuses } from '../../agent/status/statuses.ts';
import { RECORDERS, type Recorder } from '../../api/names.ts';
import type { Continuation } from '../../capture/audit/log-file.ts';
import type { SourceChoice } from '../../capture/audit/open.ts';
import { dropStartupPages } from '../../capture/resident.ts';
import { EventRecorder } from '../../kube/events.ts';
import type { Log } from '../../kube/log.ts';
import { SyscribeError } from '../../platform/errors.ts';
import { HealthServer } from '../../platform/health-server.ts';
import { runTogether, startComponent } from '../component.ts';
import { EXIT } from '../exit.ts';
import { type MetricsOptions, serveMetrics } from './agent-metrics.ts';

export interface Options extends MetricsOptions {
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
  readonly recorders: readonly Recorder[];
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

/** The agent of a node, from its options on: what it is made of, and what runs. Gives its exit status. */
export async function run(options: Options): Promise<number> {
  const recorders = options.withRecording ? options.recorders : [];
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
  for (const name of off) new RecorderOff(view, events, name);
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
  // The inspector takes memory.
  const { ProfilingServer } = await import('../../platform/profiling-server.ts');
  const server = await ProfilingServer.listen({ host, port });
  // SPO's words.
  log.info({ port }, 'Profiling support enabled: true');
  return server;
}
