import { LRUCache } from 'lru-cache';
import type { StateReason } from '../../api/recording-state.ts';
import { LoggedCalls, type LoggedEvent, logLosses } from '../../recording/logged-calls.ts';
import { unnamed } from '../../recording/observation.ts';
import type { Run } from '../record.ts';
import type { Account } from './audit-log.ts';

/** Containers that are collected for at once: more than any node runs. */
const MOST = 2048;
/** Containers that have ended and whose last records may still be on their way. */
const MOST_DONE = 4096;
/**
 * What runtimes call their processes between loading the profile and the workload's exec; the exec is the last call by that
 * name. A workload that takes it for itself has its calls counted as the runtime's, which are in the profile too.
 */
const RUNTIME = /^(runc:\[|crun(:|$)|youki(:|$))/;

interface LoggedRun {
  readonly calls: LoggedCalls;
  /** As of before the container was there. */
  readonly before: Account | undefined;
  /** It ran while the log was not read. */
  late: boolean;
  /** Calls as of the last look. */
  seen: number;
  /** Looks at which nobody knew whose it is. */
  unknown: number;
}

/** What containers call, as the log tells it, by their ids; whose they are is not yet known. */
export class LoggedRuns {
  /** Runs that had to make room. */
  evicted = 0;
  readonly #runs = new LRUCache<string, LoggedRun>({
    max: MOST,
    dispose: (_run, _id, reason) => {
      if (reason === 'evict') this.evicted += 1;
    },
  });
  readonly #done = new LRUCache<string, true>({ max: MOST_DONE });
  /** Containers that were there before the log was read. */
  #early: ReadonlySet<string> = new Set();
  #account: Account | undefined;

  /** The log is read from now on; these were there before. */
  opened(early: ReadonlySet<string>, account: Account): void {
    this.#early = early;
    this.#account = account;
  }

  /** The log is read no more: what runs now is not whole. */
  interrupted(): void {
    this.#account = undefined;
    for (const run of this.#runs.values()) run.late = true;
  }

  /** What is noticed from now on began after this. */
  mark(account: Account): void {
    this.#account = account;
  }

  add(id: string, event: LoggedEvent): void {
    this.notice(id)?.calls.add(event);
  }

  /** The container is there. @returns undefined for one that is done with. */
  notice(id: string): LoggedRun | undefined {
    if (this.#done.has(id)) return undefined;
    let run = this.#runs.get(id);
    if (!run) {
      const calls = new LoggedCalls(({ process }) => (RUNTIME.test(process?.comm ?? '') ? 'runtime' : 'workload'));
      const late = this.#account === undefined || this.#early.has(id);
      run = { calls, before: this.#account, late, seen: -1, unknown: 0 };
      this.#runs.set(id, run);
    }
    return run;
  }

  /** The container was recorded before, by an earlier process for example: there is a hole if it is not known here. */
  resume(id: string): void {
    if (this.#runs.has(id)) return;
    const run = this.notice(id);
    if (run) run.late = true;
  }

  ids(): string[] {
    return [...this.#runs.keys()];
  }

  /** Whether there is something new since {@link look}. */
  hasNews(id: string): boolean {
    const run = this.#runs.peek(id);
    return run !== undefined && run.seen !== run.calls.size;
  }

  /** @param settled whether all that was logged of it has arrived; true as long as it runs. */
  look(id: string, now: Account | undefined, settled: boolean): Run {
    const run = this.notice(id);
    if (!run) return { calls: [], reasons: [] };
    run.seen = run.calls.size;
    const calls = run.calls.list();
    return { calls, reasons: [...reasonsOf(run, now, settled), ...run.calls.overflow(), ...unnamed(calls)] };
  }

  /** It was asked whose it is, in vain. @returns how often by now. */
  unknown(id: string): number {
    const run = this.notice(id);
    if (run) run.unknown += 1;
    return run?.unknown ?? 0;
  }

  forget(id: string): void {
    this.#runs.delete(id);
  }

  /** It has ended and is recorded. */
  done(id: string): void {
    this.#runs.delete(id);
    this.#done.set(id, true);
  }

  clear(): void {
    this.#runs.clear();
  }
}

function reasonsOf({ late, before, calls }: LoggedRun, now: Account | undefined, settled: boolean): StateReason[] {
  const reasons: StateReason[] = [];
  const add = (condition: boolean, code: string, message: string) => {
    if (condition) reasons.push({ code, message });
  };
  add(late, 'began-late', 'it ran before the audit log was read, or while that could not be');
  add(calls.foreign > 0, 'unnamed', `${calls.foreign} calls of an unknown architecture`);
  if (!now || !before) return reasons;
  const unresolved = now.unresolved - before.unresolved;
  add(
    unresolved > 0,
    'log-lost',
    `${unresolved} records were of processes that had ended before it could be told whose they were`,
  );
  return [...reasons, ...logLosses(before.status, now.status, now.lost - before.lost, settled)];
}
