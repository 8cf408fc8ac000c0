import type { AuditEvent } from './event.ts';
import type { AvcRecord, Companion } from './records.ts';

const MAX_GROUPS = 256;
const MAX_RECORDS = 64;
/** Milliseconds of the log's own time after which nothing more is expected of an event. */
const PATIENCE = 1000;

interface Group {
  /** How many events had begun before it. */
  readonly index: number;
  readonly time: number;
  readonly serial: number;
  readonly records: AvcRecord[];
  readonly paths: Map<number, string>;
  companion: Companion | undefined;
}

/**
 * Joins the records of one event: an AVC comes first, what the system call was made by and on (SYSCALL, PATH) behind it,
 * with the same serial. They come only where syscall auditing is on, and other events' records may stand between them, so
 * an AVC waits for the last record of its event, or until the log has gone on for a second, or {@link flush}.
 */
export class Assembler {
  readonly #groups = new Map<number, Group>();
  #begun = 0;

  /** Events that have begun so far. */
  get begun(): number {
    return this.#begun;
  }

  /** Events that have begun and been given out, counted up to the oldest that has not. */
  get settled(): number {
    return this.#groups.values().next().value?.index ?? this.#begun;
  }

  get waiting(): number {
    return this.#groups.size;
  }

  addAvc(time: number, serial: number, record: AvcRecord, out: AuditEvent[]): void {
    this.release(time, out);
    let group = this.#groups.get(serial);
    if (group && group.time !== time) {
      this.#finish(group, out); // The same number of another boot.
      group = undefined;
    }
    if (!group) {
      if (this.#groups.size >= MAX_GROUPS) this.#finishOldest(out);
      group = { index: this.#begun++, time, serial, records: [], paths: new Map(), companion: undefined };
      this.#groups.set(serial, group);
    }
    group.records.push(record);
    if (group.records.length >= MAX_RECORDS) this.#finish(group, out);
  }

  has(serial: number): boolean {
    return this.#groups.size > 0 && this.#groups.has(serial);
  }

  addCompanion(serial: number, companion: Companion): void {
    const group = this.#groups.get(serial);
    if (group) group.companion ??= companion;
  }

  addPath(serial: number, inode: number, name: string): void {
    const group = this.#groups.get(serial);
    if (group && group.paths.size < MAX_RECORDS) group.paths.set(inode, name);
  }

  /** The event's last record has come. */
  end(serial: number, out: AuditEvent[]): void {
    const group = this.#groups.get(serial);
    if (group) this.#finish(group, out);
  }

  /** Lets go what is older than the log's `time` by more than a second. */
  release(time: number, out: AuditEvent[]): void {
    for (const group of this.#groups.values()) {
      if (group.time + PATIENCE > time) return;
      this.#finish(group, out);
    }
  }

  /** Lets everything go: nothing more is expected. */
  flush(out: AuditEvent[]): void {
    for (const group of this.#groups.values()) this.#finish(group, out);
  }

  #finishOldest(out: AuditEvent[]): void {
    const oldest = this.#groups.values().next().value;
    if (oldest) this.#finish(oldest, out);
  }

  #finish(group: Group, out: AuditEvent[]): void {
    this.#groups.delete(group.serial);
    group.records.forEach((record, part) => {
      out.push(joined(group, record, part));
    });
  }
}

function joined(group: Group, record: AvcRecord, part: number): AuditEvent {
  const { time, serial, companion } = group;
  const { process, selinux, apparmor, inode } = record;
  const path = inode === undefined ? undefined : group.paths.get(inode);
  if (selinux && selinux.path === undefined && path !== undefined) selinux.path = path;
  return {
    type: selinux ? 'selinux' : 'apparmor',
    time,
    serial,
    part,
    ...(process && { process: companion ? { pid: process.pid, ...companion, ...withComm(process.comm) } : process }),
    ...(selinux && { selinux }),
    ...(apparmor && { apparmor }),
  };
}

/** The AVC's own name of the process counts: a thread may have another than the SYSCALL record's. */
function withComm(comm: string | undefined): { comm?: string } {
  return comm === undefined ? {} : { comm };
}
