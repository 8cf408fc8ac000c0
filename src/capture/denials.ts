import { constants } from 'node:os';
import { SyscribeError } from '../platform/errors.ts';
import { isNativeFailure, type NativeAudit, native } from './native.ts';

const AUDIT_SECCOMP = 1326; // linux/audit.h
const LOST = 0; // native/audit.c

/** A call that seccomp logged, as the kernel's audit record tells it. */
export interface Denial {
  readonly pid: number;
  readonly comm: string;
  /** AUDIT_ARCH_* of linux/audit.h. */
  readonly arch: number;
  /** As passed: x32 with bit 30. */
  readonly nr: number;
  /** SECCOMP_RET_* without its data. */
  readonly code: number;
}

/** `comm` and `exe` are quoted where harmless and in hexadecimal otherwise (audit_log_untrustedstring()). */
function untrusted(value: string): string {
  if (value.startsWith('"')) return value.slice(1, -1);
  return /^([0-9A-F]{2})+$/.test(value) ? Buffer.from(value, 'hex').toString('utf8') : value;
}

/**
 * Reads the text of a SECCOMP record: blank-separated `name=value` pairs, where no value can hold a blank since the
 * kernel writes such ones in hexadecimal. The first of a name counts. Undefined for anything else.
 */
export function parseSeccompRecord(text: string): Denial | undefined {
  const fields = new Map<string, string>();
  for (const word of text.replace(/\0+$/, '').split(' ')) {
    const equals = word.indexOf('=');
    if (equals > 0 && !fields.has(word.slice(0, equals))) fields.set(word.slice(0, equals), word.slice(equals + 1));
  }
  const denial = {
    pid: Number(fields.get('pid')),
    comm: untrusted(fields.get('comm') ?? ''),
    arch: Number.parseInt(fields.get('arch') ?? '', 16),
    nr: Number(fields.get('syscall')),
    code: Number(fields.get('code')),
  };
  const whole = [denial.pid, denial.arch, denial.nr, denial.code].every(Number.isInteger);
  return whole ? denial : undefined;
}

/** What seccomp logs on this machine, from the kernel's audit multicast group: no auditd needed, nothing changed. */
export class DenialSource implements Disposable {
  readonly #handle: NativeAudit;
  #lost = 0;

  /** @throws SyscribeError ERR_BPF_PERMISSION when the group may not be read. */
  constructor(onDenial: (denial: Denial) => void) {
    try {
      this.#handle = native().openAudit((type, text) => {
        if (type === LOST) this.#lost += 1;
        const denial = type === AUDIT_SECCOMP ? parseSeccompRecord(text) : undefined;
        if (denial) onDenial(denial);
      });
    } catch (error) {
      if (!isNativeFailure(error)) throw error;
      const refused = error.errno === constants.errno.EPERM || error.errno === constants.errno.EACCES;
      throw new SyscribeError('ERR_BPF_PERMISSION', "cannot read the kernel's audit log", {
        cause: error,
        remedy: refused ? 'Run as root, or with CAP_AUDIT_READ.' : 'Use a kernel built with CONFIG_AUDIT=y.',
      });
    }
  }

  /** How often messages were lost since this process did not read fast enough. */
  get lost(): number {
    return this.#lost;
  }

  /** Delivers what has arrived. */
  drain(): void {
    native().drainAudit(this.#handle);
  }

  [Symbol.dispose](): void {
    native().closeAudit(this.#handle);
  }
}
