import type { AuditEvent } from '../../capture/audit/event.ts';
import { auditStatus } from '../../capture/audit/socket.ts';
import type { ObservedCall, Reason } from '../observation.ts';
import { loggedCall } from './log.ts';

/** More than all tables of a machine have together: what goes beyond are numbers that a program made up. */
const MOST = 4096;

type Phase = ObservedCall['phase'];

/** What is looked at of an event, enriched or not. */
export type LoggedEvent = Pick<AuditEvent, 'seccomp' | 'process'> & { readonly time: number | string };

/** The calls of one recording as the log tells them, each with who made it first. */
export class LoggedCalls {
  readonly #phaseOf: (event: LoggedEvent) => Phase;
  readonly #calls = new Map<string, ObservedCall>();
  #lastNew = Date.now();
  #beyond = 0;
  /** Events of architectures whose tables are not known. */
  foreign = 0;

  constructor(phase: Phase | ((event: LoggedEvent) => Phase)) {
    this.#phaseOf = typeof phase === 'function' ? phase : () => phase;
  }

  add(event: LoggedEvent): void {
    const call = loggedCall(event);
    if (!call) {
      this.foreign += 1;
      return;
    }
    const phase = this.#phaseOf(event);
    const key = `${phase}:${call.abi}:${call.nr}`;
    if (this.#calls.has(key)) return;
    if (this.#calls.size >= MOST) {
      this.#beyond += 1;
      return;
    }
    const { pid = 0, comm = '' } = event.process ?? {};
    this.#calls.set(key, { ...call, phase, first: { pid, comm, time: new Date(event.time) } });
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

  /** Why not all that was added is in the list, if that is so. */
  overflow(): Reason[] {
    if (this.#beyond === 0) return [];
    return [{ code: 'overflow', message: `${this.#beyond} calls had no room behind ${MOST} different ones` }];
  }
}

type Status = ReturnType<typeof auditStatus>;

/** Watches, from its making on, what the log loses on its way. */
export class LogLosses {
  readonly #before = auditStatus();

  /** Why what was read of `log` may not be all; `settled` is whether its end arrived. */
  reasons({ lost }: { readonly lost: number }, settled: boolean): Reason[] {
    return logLosses(this.#before, auditStatus(), lost, settled);
  }
}

/**
 * Why what was read of the log between two accounts of the kernel may not be all.
 * @param lost records that are known to be lost behind the kernel.
 * @param settled whether all that was logged up to the second has arrived.
 */
export function logLosses(before: Status, after: Status, lost: number, settled: boolean): Reason[] {
  const reasons: Reason[] = [];
  const add = (code: Reason['code'], message: string) => reasons.push({ code, message });
  if (lost > 0)
    add('log-lost', `at least ${lost} audit records were lost on their way: they came faster than they were read`);
  if (!after || !before)
    add('log-unknown', 'whether the kernel lost audit records is not known (it takes CAP_AUDIT_CONTROL to ask)');
  // `auditctl --reset-lost` begins the count anew.
  else if (after.lost < before.lost) add('log-unknown', 'the kernel’s count of lost audit records was set back');
  else if (after.lost > before.lost)
    add('log-lost', `the kernel lost ${after.lost - before.lost} audit records${limits(after)}`);
  if (!settled) add('log-lost', 'the end of the log did not arrive: its last records may be missing');
  return reasons;
}

function limits({ rateLimit, backlogLimit }: { rateLimit: number; backlogLimit: number }): string {
  return rateLimit > 0 ? ` (its rate limit is ${rateLimit} a second)` : ` (its backlog limit is ${backlogLimit})`;
}
