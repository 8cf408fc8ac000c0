import { Assembler } from './assemble.ts';
import type { AuditEvent } from './event.ts';
import type { Block } from './fields.ts';
import { SerialGaps } from './gaps.ts';
import { type Header, type Kind, kindOfNumber, readHeader, readStamp } from './header.ts';
import { readAvc, readLogin, readPath, readSeccomp, readSyscall } from './records.ts';

/** auditd and syslog end lines with one; what a sender put before it is no field. */
const CARRIAGE_RETURN = 0x0d;
/** MAX_AUDIT_MESSAGE_LENGTH of the kernel is 8970; auditd's interpretations come on top. */
export const MAX_LINE = 32_768;

/** What became of the lines of a source. */
export interface ParseCounts {
  lines: number;
  /** Records of seccomp, AppArmor and SELinux that were understood. */
  parsed: number;
  /** Lines that say they are such a record and are none, and lines beyond {@link MAX_LINE}. */
  unparsed: number;
}

/**
 * The parser of audit records, whatever source they come from. Never throws, whatever the bytes, and holds no more than a
 * few hundred unfinished events.
 */
export class AuditParser {
  readonly counts: ParseCounts = { lines: 0, parsed: 0, unparsed: 0 };
  readonly gaps = new SerialGaps();
  /** Told when a process has moved to another audit session. */
  onLogin: ((from: number, to: number) => void) | undefined;
  readonly #assembler = new Assembler();
  readonly #header: Header = { kind: 'other', time: 0, serial: 0, body: 0 };

  /**
   * Reads the whole lines of `block` and adds their events to `out`.
   * @returns how many bytes were read: what is behind the last newline is not.
   */
  parseLines(block: Block, out: AuditEvent[]): number {
    const { bytes, text } = block;
    const header = this.#header;
    let start = 0;
    for (;;) {
      const newline = text.indexOf('\n', start);
      if (newline === -1) return start;
      const end = bytes[newline - 1] === CARRIAGE_RETURN && newline > start ? newline - 1 : newline;
      this.counts.lines += 1;
      if (end - start > MAX_LINE) this.counts.unparsed += 1;
      else if (readHeader(block, start, end, header)) this.#record(header, block, end, out);
      start = newline + 1;
    }
  }

  /** Reads one record whose type came as a number: the block's bytes from `start` to `end` are `audit(…): …`. */
  parseRecord(type: number, block: Block, start: number, end: number, out: AuditEvent[]): void {
    this.counts.lines += 1;
    this.#header.kind = kindOfNumber(type);
    if (block.text.startsWith('audit(', start) && readStamp(block.bytes, start + 6, end, this.#header))
      this.#record(this.#header, block, end, out);
    else if (isEvent(this.#header.kind)) this.counts.unparsed += 1;
  }

  /** Events of several records that have begun so far, and those of them that have been given out. */
  get progress(): { readonly begun: number; readonly settled: number } {
    return this.#assembler;
  }

  /** How many events wait for more of their records. */
  get waiting(): number {
    return this.#assembler.waiting;
  }

  /** Gives out what waits, when nothing more is expected. */
  flush(out: AuditEvent[]): void {
    this.#assembler.flush(out);
  }

  #record(header: Header, block: Block, end: number, out: AuditEvent[]): void {
    const { kind, time, serial, body } = header;
    if (kind === 'daemon') return;
    this.gaps.add(serial);
    if (kind === 'seccomp') this.#seccomp(header, block, end, out);
    else if (kind === 'avc') {
      const record = readAvc(block, body, end);
      if (record) this.#assembler.addAvc(time, serial, record, out);
      this.#count(record !== undefined);
    } else if (kind === 'login') this.#login(block, body, end);
    else if (kind !== 'other' && this.#assembler.has(serial)) this.#join(header, block, end, out);
    else if (this.#assembler.waiting > 0) this.#assembler.release(time, out);
  }

  #seccomp(header: Header, block: Block, end: number, out: AuditEvent[]): void {
    const record = readSeccomp(block, header.body, end);
    this.#count(record !== undefined);
    if (!record) return;
    if (this.#assembler.waiting > 0) this.#assembler.release(header.time, out);
    out.push({
      type: 'seccomp',
      time: header.time,
      serial: header.serial,
      part: 0,
      process: record.process,
      session: record.session,
      seccomp: record.seccomp,
    });
  }

  #login(block: Block, start: number, end: number): void {
    const login = this.onLogin && readLogin(block, start, end);
    if (login) this.onLogin?.(login.from, login.to);
  }

  #join({ kind, serial, body }: Header, block: Block, end: number, out: AuditEvent[]): void {
    if (kind === 'end') this.#assembler.end(serial, out);
    if (kind === 'syscall') {
      const companion = readSyscall(block, body, end);
      if (companion) this.#assembler.addCompanion(serial, companion);
    }
    if (kind === 'path') {
      const path = readPath(block, body, end);
      if (path) this.#assembler.addPath(serial, path.inode, path.name);
    }
  }

  #count(parsed: boolean): void {
    if (parsed) this.counts.parsed += 1;
    else this.counts.unparsed += 1;
  }
}

function isEvent(kind: Kind): boolean {
  return kind === 'seccomp' || kind === 'avc';
}
