import { constants } from 'node:os';
import { SyscribeError } from '../../platform/errors.ts';
import { type AuditStatus, isNativeFailure, type NativeAudit, native } from '../native.ts';
import type { AuditEvent } from './event.ts';
import { blockOf } from './fields.ts';
import { AuditParser } from './parser.ts';

const HEADER = 8; // u32 type, u32 length: native/audit.c
const RECEIVE_BUFFER = 32 << 20;

/**
 * The kernel's audit multicast group, which needs no auditd and changes nothing. Gives events as they come; an AVC that
 * waits for more records of its event comes with the next batch, or with {@link flush}.
 */
export class AuditSocket implements Disposable {
  readonly parser = new AuditParser();
  #overflows = 0;
  readonly #handle: NativeAudit;
  #open = true;

  /** @throws SyscribeError ERR_AUDIT_SOURCE when the group may not be read. */
  constructor(onEvents: (events: AuditEvent[]) => void, receiveBuffer = RECEIVE_BUFFER) {
    try {
      this.#handle = native().openAudit(receiveBuffer, (records, overflows) => {
        this.#overflows += overflows;
        const events = this.#parse(records);
        if (events.length > 0) onEvents(events);
      });
    } catch (error) {
      if (!isNativeFailure(error)) throw error;
      const refused = error.errno === constants.errno.EPERM || error.errno === constants.errno.EACCES;
      throw new SyscribeError('ERR_AUDIT_SOURCE', "cannot read the kernel's audit log", {
        cause: error,
        remedy: refused ? 'Run as root, or with CAP_AUDIT_READ.' : 'Use a kernel built with CONFIG_AUDIT=y.',
      });
    }
  }

  /** How often the socket was full and records were lost since this process did not read fast enough. */
  get overflows(): number {
    return this.#overflows;
  }

  /** Delivers what has arrived. */
  drain(): void {
    if (this.#open) native().drainAudit(this.#handle);
  }

  [Symbol.dispose](): void {
    this.#open = false;
    native().closeAudit(this.#handle);
  }

  #parse(records: Buffer): AuditEvent[] {
    const block = blockOf(records);
    const events: AuditEvent[] = [];
    for (let at = 0; at + HEADER <= records.length; ) {
      const type = records.readUInt32LE(at);
      const end = at + HEADER + records.readUInt32LE(at + 4);
      this.parser.parseRecord(type, block, at + HEADER, Math.min(end, records.length), events);
      at = end;
    }
    return events;
  }
}

/** The kernel's account of its audit subsystem; undefined where it may not be asked (CAP_AUDIT_CONTROL). */
export function auditStatus(): AuditStatus | undefined {
  try {
    return native().auditStatus();
  } catch (error) {
    if (!isNativeFailure(error)) throw error;
    return undefined;
  }
}
