import { existsSync } from 'node:fs';
import { SyscribeError } from '../../platform/errors.ts';
import { pause } from '../../platform/wait.ts';
import { findAuditd } from './auditd.ts';
import { FileSource } from './file-source.ts';
import type { Start } from './log-file.ts';
import { prove } from './marker.ts';
import { NetlinkSource } from './netlink-source.ts';
import type { AuditBatch, AuditSource, SourceCounts } from './source.ts';

export const AUDIT_LOG = '/var/log/audit/audit.log';
export const SYSLOGS = ['/var/log/syslog', '/var/log/messages', '/var/log/kern.log'];
/** Milliseconds between looks at whether auditd still runs; what is logged in between after its end is lost, and told. */
const LOOK = 250;

const NONE: SourceCounts = {
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
};

/** A source that may be had, and why it is, or is not, taken. */
interface Candidate {
  readonly name: string;
  readonly reason: string;
  /** Absent when it cannot be. */
  readonly open?: () => AuditSource;
}

export interface AutoSourceSettings {
  /** auditd's log. */
  readonly file?: string;
  /** Where the first file begins; one that is changed over to begins at its end. */
  readonly start?: Start;
  /** Told which source is read and why. */
  readonly say?: (text: string) => void;
}

/**
 * auditd's file where auditd runs, else the kernel's multicast group, else syslog: the first that proves itself. Changes
 * over when auditd ends, and from syslog when it starts; the group goes on beside an auditd that comes back. Numbers that
 * came from neither side of a change are counted as gaps.
 */
export class AutoSource implements AuditSource {
  readonly kind = 'auto';
  readonly #file: string;
  readonly #say: (text: string) => void;
  #start: Start;
  #current: AuditSource | undefined;
  #past = NONE;
  /** Milliseconds since the epoch of the last event of the source before. */
  #newest = 0;

  constructor(settings: AutoSourceSettings = {}) {
    this.#file = settings.file ?? AUDIT_LOG;
    this.#start = settings.start ?? 'end';
    this.#say = settings.say ?? (() => {});
  }

  get label(): string {
    return this.#current?.label ?? 'no source';
  }

  /** @throws SyscribeError ERR_AUDIT_SOURCE when there is none at the beginning; later one is waited for. */
  async *read(signal: AbortSignal): AsyncGenerator<AuditBatch> {
    let next = await this.#choose(signal);
    if (!next) throw nothingToRead(this.#candidates());
    this.#start = 'end'; // What is changed over to begins there.
    while (next && !signal.aborted) {
      const leaving = new AbortController();
      const source: AuditSource = next;
      this.#current = source;
      let newest = 0;
      const watched = this.#watch(source, leaving, signal);
      try {
        for await (const batch of source.read(AbortSignal.any([signal, leaving.signal]))) {
          yield this.#new(batch);
          newest = Math.max(newest, batch.events.at(-1)?.time ?? 0);
        }
      } finally {
        leaving.abort();
        this.#past = sum(this.#past, source.counts());
        this.#newest = newest;
        this.#current = undefined;
      }
      next = await watched;
    }
  }

  counts(): SourceCounts {
    return this.#current ? sum(this.#past, this.#current.counts()) : this.#past;
  }

  /** Without what the source before has given already, since both are read for a while. */
  #new(batch: AuditBatch): AuditBatch {
    const { lastSerial } = this.#past;
    if (lastSerial === -1) return batch;
    const events = batch.events.filter(({ serial, time }) => serial > lastSerial || time > this.#newest);
    return { ...batch, events };
  }

  /** Looks for the source's end; the next is opened before the last is read to its end, so that nothing falls between. */
  async #watch(source: AuditSource, leaving: AbortController, signal: AbortSignal): Promise<AuditSource | undefined> {
    while (await lasts(LOOK, signal, leaving.signal)) {
      if (source.kind === 'netlink' || (source.kind === 'file') === (findAuditd() !== undefined)) continue;
      this.#say(source.kind === 'file' ? 'auditd has ended' : 'auditd has started');
      let next: AuditSource | undefined;
      while (!next && !signal.aborted) {
        next = await this.#choose(signal);
        if (!next) await pause(LOOK, signal);
      }
      leaving.abort();
      return next;
    }
    return undefined;
  }

  async #choose(signal: AbortSignal): Promise<AuditSource | undefined> {
    for (const { name, reason, open } of this.#candidates()) {
      if (!open) continue;
      let source: AuditSource | undefined;
      try {
        source = open();
        if (await prove(source.kind === 'file' ? new FileSource(this.#file) : open(), signal)) {
          this.#say(`reading ${name}: ${reason}`);
          return source;
        }
        this.#say(`not ${name}: a logged call of our own did not arrive within a second`);
      } catch (error) {
        if (!(error instanceof SyscribeError)) throw error;
        this.#say(`not ${name}: ${error.message}`);
      }
      dispose(source);
    }
    return undefined;
  }

  #candidates(): Candidate[] {
    const runs = findAuditd() !== undefined;
    const file = this.#file;
    const syslog = SYSLOGS.find((path) => existsSync(path));
    return [
      runs && existsSync(file)
        ? { name: file, reason: 'auditd runs', open: () => new FileSource(file, { start: this.#start }) }
        : { name: file, reason: runs ? 'auditd runs but writes no such file' : 'auditd does not run' },
      {
        name: "the kernel's audit multicast group",
        reason: runs ? `auditd writes no ${file}` : 'auditd does not run',
        open: () => new NetlinkSource(),
      },
      syslog === undefined
        ? { name: SYSLOGS.join(', '), reason: 'no such files' }
        : {
            name: syslog,
            reason: 'neither auditd nor the multicast group can be read; any process can write there',
            open: () => new FileSource(syslog, { kind: 'syslog' }),
          },
    ];
  }
}

/** False when either signal aborted first. */
async function lasts(milliseconds: number, one: AbortSignal, other: AbortSignal): Promise<boolean> {
  await pause(milliseconds, AbortSignal.any([one, other]));
  return !one.aborted && !other.aborted;
}

function dispose(source: AuditSource | undefined): void {
  if (source instanceof NetlinkSource) source[Symbol.dispose]();
}

/** The counts of one source after another; numbers that neither has read are gaps too. */
function sum(a: SourceCounts, b: SourceCounts): SourceCounts {
  const between = a.lastSerial === -1 || b.firstSerial === -1 ? 0 : Math.max(b.firstSerial - a.lastSerial - 1, 0);
  return {
    firstSerial: a.firstSerial === -1 ? b.firstSerial : a.firstSerial,
    lastSerial: Math.max(a.lastSerial, b.lastSerial),
    lines: a.lines + b.lines,
    parsed: a.parsed + b.parsed,
    unparsed: a.unparsed + b.unparsed,
    gaps: a.gaps + b.gaps + between,
    pending: a.pending + b.pending,
    overflows: a.overflows + b.overflows,
    dropped: a.dropped + b.dropped,
    breaks: a.breaks + b.breaks,
  };
}

function nothingToRead(candidates: readonly Candidate[]): SyscribeError {
  const tried = candidates.map(({ name, reason, open }) => `${name} (${open ? 'stays silent' : reason})`);
  return new SyscribeError('ERR_AUDIT_SOURCE', `no source of audit records: ${tried.join('; ')}`, {
    remedy:
      'Run as root in the initial network namespace, with "log" in /proc/sys/kernel/seccomp/actions_logged; or start auditd.',
  });
}
