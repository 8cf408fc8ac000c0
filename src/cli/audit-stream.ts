import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import { openSource, SOURCES } from '../capture/audit/open.ts';
import { ContainerDirectory } from '../container/directory.ts';
import { pause } from '../platform/wait.ts';
import type { StreamMetrics } from '../stream/metrics.ts';
import { AuditStream, type StreamCounts } from '../stream/pipeline.ts';
import { Processes } from '../stream/process-identity.ts';
import { describeLosses } from './losses.ts';
import { complain } from './output.ts';
import { parseAddress } from './values.ts';

/** Milliseconds between looks at what was lost. */
const TELL = 10_000;

/** Options of whatever reads the audit stream. */
export interface StreamOptions {
  readonly source: (typeof SOURCES)[number];
  readonly file?: string;
  readonly metrics?: { readonly host: string; readonly port: number };
  readonly node: string;
}

export function addStreamOptions(command: Command): Command {
  return command
    .addOption(new Option('--source <source>', 'where records come from').choices(SOURCES).default('auto'))
    .option('--file <path>', "read this log instead of auditd's or the system's")
    .option('--node <name>', "this machine's name in events", hostname())
    .option(
      '--metrics <address>',
      'offer Prometheus metrics at [HOST:]PORT; HOST is 127.0.0.1 unless given',
      parseAddress,
    );
}

type Start = NonNullable<Parameters<typeof openSource>[0]['start']>;

/** A stream, and what has to be put away behind it. */
export interface OpenStream extends AsyncDisposable {
  readonly stream: AuditStream;
  /** Counts what was read, where somebody asks for metrics. */
  readonly metrics: StreamMetrics | undefined;
}

/**
 * Opens the audit stream, and tells of losses as they become more until `stop`.
 * @param missed how many events clients missed so far, for the metrics.
 * @throws SyscribeError ERR_AUDIT_SOURCE, ERR_FILE_READ, ERR_LISTEN
 */
export async function openStream(
  options: StreamOptions,
  start: { readonly start: Start; readonly once?: boolean },
  stop: AbortSignal,
  missed = () => 0,
): Promise<OpenStream> {
  await using stack = new AsyncDisposableStack();
  const containers = stack.use(new ContainerDirectory(complain));
  const processes = stack.use(new Processes());
  if (processes.untold !== undefined)
    complain(`processes that end before their record is read will not be known: ${processes.untold}`);
  const source = await openSource(
    {
      source: options.source,
      say: complain,
      start: start.start,
      ...(options.file !== undefined && { file: options.file }),
      ...(start.once && { once: true }),
    },
    stop,
  );
  const stream = new AuditStream({ source, processes, containers }, { node: options.node });
  let metrics: StreamMetrics | undefined;
  if (options.metrics) {
    const [{ StreamMetrics }, { MetricsServer }] = await Promise.all([
      import('../stream/metrics.ts'),
      import('../platform/metrics-server.ts'),
    ]);
    metrics = new StreamMetrics(options.node, () => ({ ...stream.counts(), missed: missed() }));
    stack.use(await MetricsServer.listen(options.metrics, { '/metrics': metrics.registry }));
    complain(`metrics at http://${hostPort(options.metrics)}/metrics`);
  }
  void tellLosses(stream, stop);
  const all = stack.move();
  return { stream, metrics, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

function hostPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function tellLosses(stream: AuditStream, stop: AbortSignal): Promise<void> {
  let told = '';
  while (!stop.aborted) {
    await pause(TELL, stop);
    const losses = describeLosses(stream.counts()).join('; ');
    if (losses !== told) complain(`lost so far: ${losses}`);
    told = losses;
  }
}

/** What was read, what became of it, and what is missing. */
export function conclude(counts: StreamCounts, given: string): void {
  const { lines, parsed, unresolved } = counts;
  complain(`${lines} lines read, ${parsed} security records in them, ${given}`);
  if (unresolved > 0) complain(`${unresolved} events are of processes that could not be told`);
  const losses = describeLosses(counts);
  for (const loss of losses) complain(`lost: ${loss}`);
  if (counts.kernelLost === undefined)
    complain('whether the kernel lost records is not known: it takes CAP_AUDIT_CONTROL');
  else if (losses.length === 0) complain('nothing lost');
}

/** Aborted by whatever asks this process to end. */
export function stopOnSignals(): AbortController {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  return stop;
}
