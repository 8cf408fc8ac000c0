import { randomUUID } from 'node:crypto';
import { UNSET_ID } from '../../kernel/audit.ts';
import type { EnrichedEvent } from '../event.ts';

const MAX_BUCKETS = 1000;
/** More than any table has: a process that calls numbers at random must not fill the memory. */
const MAX_SYSCALLS = 2048;
const VERSION = 'spo/v1_alpha';

/** What is known of a process beyond its audit records. */
export interface ProcessDetails {
  /** Arguments, each followed by a blank, as SPO makes it of /proc/PID/cmdline. */
  readonly cmdLine?: string;
  readonly requestUID?: string;
}

interface Bucket {
  readonly first: EnrichedEvent;
  readonly details: ProcessDetails;
  readonly expires: number;
  readonly syscalls: Set<string>;
}

/**
 * SPO's JSON enricher: what a process called within an interval becomes one record. The interval runs from the first call;
 * SPO starts it anew at each, so that a busy process is never told of.
 */
export class SpoJsonBuckets {
  readonly #interval: number;
  readonly #wanted: (record: object) => boolean;
  readonly #details: (pid: number) => ProcessDetails;
  readonly #buckets = new Map<string, Bucket>();

  /**
   * @param interval milliseconds
   * @param wanted whether a record is given at all.
   */
  constructor(
    details: (pid: number) => ProcessDetails,
    interval: number,
    wanted: (record: object) => boolean = () => true,
  ) {
    this.#details = details;
    this.#interval = interval;
    this.#wanted = wanted;
  }

  /** When the oldest record that is not given out yet was begun, by the clock of {@link add}. */
  get keptSince(): number | undefined {
    const oldest = this.#buckets.values().next().value;
    return oldest && oldest.expires - this.#interval;
  }

  /** Takes in a seccomp event, and gives the records that made room for it. */
  add(event: EnrichedEvent, now: number): string[] {
    const { process, seccomp, container } = event;
    if (!process || !seccomp) return [];
    const key = `${process.pid} ${container?.id ?? ''} ${process.exe ?? ''}`;
    const lines = this.expire(now);
    let bucket = this.#buckets.get(key);
    if (!bucket) {
      if (this.#buckets.size >= MAX_BUCKETS) lines.push(...this.#take(this.#buckets.keys().next().value));
      bucket = {
        first: event,
        details: this.#details(process.pid),
        expires: now + this.#interval,
        syscalls: new Set(),
      };
      this.#buckets.set(key, bucket);
    }
    bucket.syscalls.add(seccomp.syscall ?? String(seccomp.number));
    if (bucket.syscalls.size >= MAX_SYSCALLS) lines.push(...this.#take(key));
    return lines;
  }

  /** The records whose interval is over. */
  expire(now: number): string[] {
    const lines: string[] = [];
    for (const [key, { expires }] of this.#buckets) {
      if (expires > now) break; // They stand in the order of their beginning.
      lines.push(...this.#take(key));
    }
    return lines;
  }

  /** All records, whatever their interval. */
  flush(): string[] {
    return [...this.#buckets.keys()].flatMap((key) => this.#take(key));
  }

  #take(key: string | undefined): string[] {
    const bucket = key === undefined ? undefined : this.#buckets.get(key);
    if (key === undefined || !bucket) return [];
    this.#buckets.delete(key);
    const record = recordOf(bucket);
    return this.#wanted(record) ? [`${JSON.stringify(record)}\n`] : [];
  }
}

function recordOf({ first, details, syscalls }: Bucket): object {
  const { container, process, node, time } = first;
  return {
    auditID: randomUUID(),
    cmdLine: details.cmdLine ?? '',
    executable: process?.exe ?? process?.comm ?? '',
    gid: process?.gid ?? UNSET_ID,
    node: { name: node },
    pid: process?.pid ?? 0,
    ...(details.requestUID !== undefined && { requestUID: details.requestUID }),
    resource: container
      ? { pod: container.pod ?? '', namespace: container.namespace ?? '', container: container.name ?? container.id }
      : null,
    syscalls: [...syscalls].sort(),
    timestamp: time.replace(/\.\d{3}Z$/, '.000Z'),
    uid: process?.uid ?? UNSET_ID,
    version: VERSION,
  };
}
