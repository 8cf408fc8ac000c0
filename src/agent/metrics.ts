import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Observe } from '../kube/client.ts';
import { StreamMetrics } from '../stream/metrics.ts';
import type { StreamCounts } from '../stream/pipeline.ts';
import type { ClusterView } from './pods/cluster.ts';
import { totalOf } from './recording/container-record.ts';
import type { Agent } from './recording/ebpf-recorder.ts';
import type { Journal } from './recording/journal.ts';
import type { Logs } from './recording/log/log-recorder.ts';
import type { Publisher } from './recording/publisher.ts';
import type { Records } from './recording/record-store.ts';

/** Milliseconds between looks at how late the event loop is: the library's own 10 are most of what an idle agent does. */
const LAG = 1000;
const NOTHING: StreamCounts = {
  lines: 0,
  parsed: 0,
  unparsed: 0,
  gaps: 0,
  pending: 0,
  overflows: 0,
  dropped: 0,
  breaks: 0,
  firstSerial: -1,
  lastSerial: -1,
  unresolved: 0,
  kernelLost: undefined,
  processesLost: 0,
};

export interface Measured {
  readonly agent: Agent;
  readonly logs: Logs;
  readonly records: Records;
  readonly journal: Journal;
  readonly publisher: Publisher;
  readonly view: ClusterView;
}

/** The agent's metrics: of the process and its requests, and, at the other path as SPO has it, of what it does. */
export class AgentMetrics {
  readonly process = new Registry();
  readonly spod = new Registry();
  readonly #node: string;
  readonly #slots: number;
  readonly #requests: Counter;
  readonly #scrapes: Counter;
  #stream: StreamMetrics | undefined;

  constructor({ node, slots }: { readonly node: string; readonly slots: number }) {
    this.#node = node;
    this.#slots = slots;
    collectDefaultMetrics({ register: this.process, eventLoopMonitoringPrecision: LAG });
    this.#requests = new Counter({
      name: 'syscribe_api_requests_total',
      help: 'Requests to the API server by verb, resource and HTTP status (0: no answer).',
      labelNames: ['verb', 'resource', 'code'],
      registers: [this.process],
    });
    this.#scrapes = new Counter({
      name: 'promhttp_metric_handler_requests_total',
      help: 'Scrapes by HTTP status; the name is that of the Go library that SPO has it of.',
      labelNames: ['code'],
      registers: [this.spod],
    });
  }

  readonly observeRequest: Observe = (verb, path, status) =>
    this.#requests.inc({ verb: verb.toLowerCase(), resource: resourceOf(path), code: String(status) });

  readonly observeScrape = (status: number): void => this.#scrapes.inc({ code: String(status) });

  /** Counts events of the log. */
  readonly observeEvents: StreamMetrics['count'] = (events) => this.#stream?.count(events);

  /** From now on these are asked at each scrape. */
  measure(parts: Measured): Registry {
    const { agent, logs, records, journal, publisher, view } = parts;
    this.#stream = new StreamMetrics(this.#node, () => ({ ...(logs.counts ?? NOTHING), missed: 0 }));
    const audited = () => logs.stats;
    this.#gauge('syscribe_recorded_containers', 'Containers that are recorded now.', ['recorder'], () => [
      [['Bpf'], agent.recorded],
      [['Logs'], audited().containers],
    ]);
    this.#gauge('syscribe_recorder_slots', 'Containers that can be recorded at once by eBPF.', ['state'], () => [
      [['used'], agent.recorded],
      [['free'], Math.max(this.#slots - agent.recorded, 0)],
    ]);
    this.#gauge(
      'syscribe_records',
      'Containers of pods that are recorded, or were and are not handed in.',
      ['state'],
      () => {
        const all = records.list();
        const finished = all.filter((record) => record.finished).length;
        return [
          [['recording'], all.length - finished],
          [['finished'], finished],
        ];
      },
    );
    this.#gauge('syscribe_publish_queue', 'Records that are to be written to the API server.', ['state'], () => {
      const { ready, active, delayed, failing } = publisher.stats;
      return Object.entries({ ready, active, delayed, failing }).map(([state, count]) => [[state], count]);
    });
    this.#gauge('syscribe_informer_connected', 'Whether a watch of the API server is open.', ['resource'], () =>
      Object.entries(view).map(([resource, informer]) => [[resource], informer.connected ? 1 : 0]),
    );
    this.#gauge('syscribe_journal_failing', 'Records that are not on disk as they are.', [], () => [
      [[], journal.failing],
    ]);
    this.#gauge('syscribe_audit_log_failing', 'Whether the audit log is needed and cannot be read.', [], () => [
      [[], logs.unsupported === undefined ? 0 : 1],
    ]);
    this.#counter('syscribe_publish_total', 'Attempts to write a record to the API server.', ['result'], () => {
      const { done, failed } = publisher.stats;
      return [
        [['done'], done],
        [['failed'], failed],
      ];
    });
    this.#counter('syscribe_recorder_losses_total', 'What the kernel could not do for recording.', ['reason'], () =>
      Object.entries(agent.losses ?? {}).map(([reason, count]) => [[reason], count]),
    );
    this.#counter(
      'syscribe_unresolved_containers_total',
      'Containers that ended before their pods were known.',
      [],
      () => [[[], agent.unresolved]],
    );
    this.#counter('syscribe_audit_runs_evicted_total', 'Containers in the log that had to make room.', [], () => [
      [[], audited().evicted],
    ]);
    const limited = 'Containers whose recording from the log ended since they logged too much.';
    this.#counter('syscribe_audit_rate_limited_total', limited, [], () => [[[], audited().limited]]);
    const labels = ['node', 'mount_namespace', 'profile'];
    const help = 'Different calls seen by eBPF; mount_namespace is empty: containers are told by their cgroups.';
    this.#counter('security_profiles_operator_seccomp_profile_bpf_total', help, labels, () =>
      records.list().flatMap((record) => {
        if (record.recording.recorder !== 'Bpf') return [];
        const profile = `${record.recording.name}_${record.container}_${record.pod.name}`;
        return [[[this.#node, '', profile], totalOf(record).calls.length]];
      }),
    );
    return Registry.merge([this.spod, this.#stream.registry]);
  }

  #gauge(name: string, help: string, labelNames: string[], values: () => Values): void {
    const collect = collectInto((gauge: Gauge, labels, value) => gauge.labels(...labels).set(value), values);
    new Gauge({ name, help, labelNames, registers: [this.spod], collect });
  }

  #counter(name: string, help: string, labelNames: string[], values: () => Values): void {
    const collect = collectInto((counter: Counter, labels, value) => counter.labels(...labels).inc(value), values);
    new Counter({ name, help, labelNames, registers: [this.spod], collect });
  }
}

type Values = (readonly [labels: readonly string[], value: number])[];

/** What is known elsewhere is written down anew at each scrape, so that series of what is gone go too. */
function collectInto<M extends { reset(): void }>(
  write: (metric: M, labels: readonly string[], value: number) => void,
  values: () => Values,
): (this: M) => void {
  return function (this: M) {
    this.reset();
    for (const [labels, value] of values()) write(this, labels, value);
  };
}

/** `pods`, `profilerecordings/status`: the type in an address of the API, without names. */
export function resourceOf(path: string): string {
  const parts = path.split('/').slice(path.startsWith('/api/') ? 3 : 4);
  if (parts[0] === 'namespaces' && parts.length > 2) parts.splice(0, 2);
  const [plural = '', , subresource] = parts;
  return subresource === undefined ? plural : `${plural}/${subresource}`;
}
