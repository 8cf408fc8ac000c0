import type { AuditEvent } from '../../capture/audit/event.ts';
import { type Mark, prepareMark } from '../../capture/audit/marker.ts';
import { AuditSocket } from '../../capture/audit/socket.ts';
import type { Abi } from '../../kernel/abi.ts';
import { ABIS } from '../../kernel/syscalls.ts';
import { SyscribeError } from '../../platform/errors.ts';
import { waitFor } from '../../platform/wait.ts';

const PROOF_TIMEOUT = 1000; // milliseconds
const MAX_ROUNDS = 30;

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
  #awaited: { mark: Mark; arrived: () => void } | undefined;

  private constructor(onEvent: (event: AuditEvent) => void, onLogin?: (from: number, to: number) => void) {
    this.#socket = new AuditSocket((events) => {
      for (const event of events) {
        if (event.type !== 'seccomp') continue;
        if (this.#awaited?.mark.is(event)) this.#awaited.arrived();
        else onEvent(event);
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
   * Waits until all that was logged before this call has been delivered: the log is a queue, so a logged call of our
   * own is its mark.
   * @returns false when the mark did not come within a second after the last record that did, or half a minute in all.
   */
  async settle(): Promise<boolean> {
    const mark = prepareMark();
    const arrived = Promise.withResolvers<void>();
    this.#awaited = { mark, arrived: arrived.resolve };
    await mark.make();
    let lines = -1;
    let came = false;
    // Behind a burst of a million records the mark takes its time: as long as records come, it may be among the next.
    for (let round = 0; round < MAX_ROUNDS && !came && lines !== this.#socket.parser.counts.lines; round++) {
      lines = this.#socket.parser.counts.lines;
      came = await waitFor(arrived.promise, PROOF_TIMEOUT);
    }
    this.#awaited = undefined;
    return came;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}
