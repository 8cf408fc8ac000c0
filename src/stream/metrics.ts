import { Counter, Registry } from 'prom-client';
import type { EnrichedEvent } from './event.ts';
import type { StreamCounts } from './pipeline.ts';

/** Series of one metric: labels are chosen by whoever is denied (contexts, profiles), and a scrape holds them all. */
const MAX_SERIES = 5000;
const OTHER = 'other';
const SPO = 'security_profiles_operator_';

/** What the stream counts of itself, and what its clients missed. */
export interface Measured extends StreamCounts {
  readonly missed: number;
}

/** Counts of the stream and of its events, for Prometheus: the events' by the names of the Security Profiles Operator. */
export class StreamMetrics {
  readonly registry = new Registry();
  readonly #node: string;
  readonly #limited: Counter;
  readonly #seccomp: LabelledCounter;
  readonly #selinux: LabelledCounter;
  readonly #apparmor: LabelledCounter;
  readonly #denials: LabelledCounter;

  /** @param measure is asked at each scrape. */
  constructor(node: string, measure: () => Measured) {
    this.#node = node;
    this.#limited = this.#counter('syscribe_audit_series_limited_total', 'Events counted under "other" labels.');
    const labelled = (name: string, help: string, labels: readonly string[]) =>
      new LabelledCounter(this.#counter(SPO + name, help, labels), this.#limited);
    const pod = ['node', 'namespace', 'pod', 'container'];
    this.#seccomp = labelled('seccomp_profile_audit_total', 'Seccomp records.', [...pod, 'syscall']);
    this.#selinux = labelled('selinux_profile_audit_total', 'SELinux records.', [...pod, 'scontext', 'tcontext']);
    const apparmor = [...pod, 'profile', 'operation', 'apparmor'];
    this.#apparmor = labelled('apparmor_profile_audit_total', 'AppArmor records.', apparmor);
    this.#denials = labelled('apparmor_profile_denial_total', 'AppArmor denials.', ['profile', 'operation']);
    for (const [name, help, value] of OWN) this.#measured(`syscribe_audit_${name}_total`, help, () => value(measure()));
  }

  count(events: readonly EnrichedEvent[]): void {
    for (const { container, seccomp, selinux, apparmor } of events) {
      const pod = [this.#node, container?.namespace ?? '', container?.pod ?? '', container?.name ?? ''];
      if (seccomp) this.#seccomp.add([...pod, seccomp.syscall ?? String(seccomp.number)]);
      if (selinux) this.#selinux.add([...pod, selinux.scontext, selinux.tcontext]);
      if (!apparmor) continue;
      const { profile = '', operation = '', verdict } = apparmor;
      this.#apparmor.add([...pod, profile, operation, verdict]);
      if (verdict === 'DENIED') this.#denials.add([profile, operation]);
    }
  }

  #counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #measured(name: string, help: string, value: () => number | undefined): void {
    new Counter({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(value() ?? 0);
      },
    });
  }
}

const OWN: readonly (readonly [name: string, help: string, value: (measured: Measured) => number | undefined])[] = [
  ['lines_read', 'Lines and messages read.', ({ lines }) => lines],
  ['records_parsed', 'Records of seccomp, AppArmor and SELinux understood.', ({ parsed }) => parsed],
  ['records_unparsed', 'Lines that say they are such a record and are none.', ({ unparsed }) => unparsed],
  ['events_unresolved', 'Events whose process could not be told.', ({ unresolved }) => unresolved],
  ['kernel_lost', 'Records that the kernel says it lost; 0 where it may not be asked.', ({ kernelLost }) => kernelLost],
  ['serials_missing', 'Events whose serial numbers never came.', ({ gaps }) => gaps],
  ['socket_overflows', 'Times at which the socket was full.', ({ overflows }) => overflows],
  ['events_dropped', 'Events dropped since they were read too slowly.', ({ dropped }) => dropped],
  ['log_breaks', 'Times at which a log was cut off or a position not found.', ({ breaks }) => breaks],
  ['births_lost', 'Births and moves of processes not told.', ({ processesLost }) => processesLost],
  ['clients_missed', 'Events that clients missed since they read too slowly.', ({ missed }) => missed],
];

/** A counter with a bound on its series: what comes when it is reached counts with `other` for every label. */
class LabelledCounter {
  readonly #counter: Counter;
  readonly #limited: Counter;
  readonly #series = new Set<string>();

  constructor(counter: Counter, limited: Counter) {
    this.#counter = counter;
    this.#limited = limited;
  }

  add(labels: readonly string[]): void {
    const key = labels.join('\0');
    if (this.#series.has(key) || this.#series.size < MAX_SERIES) {
      this.#series.add(key);
      this.#counter.labels(...labels).inc();
      return;
    }
    this.#limited.inc();
    this.#counter.labels(...labels.map(() => OTHER)).inc();
  }
}
