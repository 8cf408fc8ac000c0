import type { AuditEvent } from '../../capture/audit/event.ts';
import { AwaitedMarks } from '../../capture/audit/marker.ts';
import { AuditSocket } from '../../capture/audit/socket.ts';
import type { Abi } from '../../kernel/abi.ts';
import { ABIS } from '../../kernel/syscalls.ts';
import { SyscribeError } from '../../platform/errors.ts';

/** The table and number of a logged call; undefined for another event, and for an architecture that is not supported. */
export function loggedCall({ seccomp }: Pick<AuditEvent, 'seccomp'>): { abi: Abi; nr: number } | undefined {
  const abi = ABIS.find((known) => known === seccomp?.arch);
  return seccomp && abi ? { abi, nr: seccomp.number } : undefined;
}

/**
 * What seccomp logs, from a source that has proved itself: binding to the audit group succeeds and stays silent outside
 * the initial network namespace, so a call of a child of our own must arrive first.
 */
export class SeccompLog implements Disposable {
  readonly #socket: AuditSocket;
  readonly #marks = new AwaitedMarks();

  private constructor(onEvent: (event: AuditEvent) => void, onLogin?: (from: number, to: number) => void) {
    this.#socket = new AuditSocket((events) => {
      for (const event of events) {
        if (event.type === 'seccomp' && !this.#marks.came(event)) onEvent(event);
      }
    });
    if (onLogin) this.#socket.parser.onLogin = onLogin;
  }

  /**
   * @param onLogin told when a process has moved itself to another audit session.
   * @throws SyscribeError ERR_AUDIT_SOURCE when the log cannot be read, or nothing comes from it.
   */
  static async open(
    onEvent: (event: AuditEvent) => void,
    onLogin?: (from: number, to: number) => void,
  ): Promise<SeccompLog> {
    const log = new SeccompLog(onEvent, onLogin);
    if (await log.settle()) return log;
    log[Symbol.dispose]();
    throw new SyscribeError('ERR_AUDIT_SOURCE', "the kernel's audit log stays silent here", {
      remedy: 'Run in the initial network namespace, with "log" in /proc/sys/kernel/seccomp/actions_logged.',
    });
  }

  /** Delivers what has arrived. */
  drain(): void {
    this.#socket.drain();
  }

  /** Records known to be lost: events whose serial numbers never came, and at least one for each overflow. */
  get lost(): number {
    const { missed, pending } = this.#socket.parser.gaps;
    return Math.max(missed + pending, this.#socket.overflows);
  }

  /**
   * Waits until all that was logged before this call has been delivered.
   * @returns false where the mark did not come in time ({@link AwaitedMarks.settle}).
   */
  settle(): Promise<boolean> {
    return this.#marks.settle(() => this.#socket.parser.counts.lines);
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}
