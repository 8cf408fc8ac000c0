import type { AuditEvent } from '../capture/audit/event.ts';
import { auditStatus } from '../capture/audit/socket.ts';
import type { ObservedCall, Reason } from './observation.ts';
import { loggedCall, type SeccompLog } from './seccomp-log.ts';

/** The calls of one recording as the log tells them, each with who made it first. */
export class LoggedCalls {
  readonly #phase: ObservedCall['phase'];
  readonly #calls = new Map<string, ObservedCall>();
  #lastNew = Date.now();
  /** Events of architectures whose tables are not known. */
  foreign = 0;

  constructor(phase: ObservedCall['phase']) {
    this.#phase = phase;
  }

  add(event: AuditEvent): void {
    const call = loggedCall(event);
    if (!call) {
      this.foreign += 1;
      return;
    }
    const key = `${call.abi}:${call.nr}`;
    if (this.#calls.has(key)) return;
    const { pid = 0, comm = '' } = event.process ?? {};
    this.#calls.set(key, { ...call, phase: this.#phase, first: { pid, comm, time: new Date(event.time) } });
    this.#lastNew = Date.now();
  }

  get size(): number {
    return this.#calls.size;
  }

  get quiet(): number {
    return Date.now() - this.#lastNew;
  }

  list(): ObservedCall[] {
    return [...this.#calls.values()];
  }
}

/** Watches, from its making on, what the log loses on its way. */
export class LogLosses {
  readonly #before = auditStatus();

  /** Why what was read of `log` may not be all; `settled` is whether its end arrived. */
  reasons(log: SeccompLog, settled: boolean): Reason[] {
    const after = auditStatus();
    const reasons: Reason[] = [];
    const add = (code: Reason['code'], message: string) => reasons.push({ code, message });
    if (log.lost > 0)
      add(
        'log-lost',
        `at least ${log.lost} audit records were lost on their way: they came faster than they were read`,
      );
    if (!after || !this.#before)
      add('log-unknown', 'whether the kernel lost audit records is not known (it takes CAP_AUDIT_CONTROL to ask)');
    else if (after.lost !== this.#before.lost)
      add('log-lost', `the kernel lost ${after.lost - this.#before.lost} audit records${limits(after)}`);
    if (!settled) add('log-lost', 'the end of the log did not arrive: its last records may be missing');
    return reasons;
  }
}

function limits({ rateLimit, backlogLimit }: { rateLimit: number; backlogLimit: number }): string {
  return rateLimit > 0 ? ` (its rate limit is ${rateLimit} a second)` : ` (its backlog limit is ${backlogLimit})`;
}
