import { LRUCache } from 'lru-cache';
import type { StateReason } from '../../../api/recording-state.ts';
import type { Continuation } from '../../../capture/audit/log-file.ts';
import { LoggedCalls, type LoggedEvent, logLosses } from '../../../recording/audit/logged-calls.ts';
import { unnamed } from '../../../recording/observation.ts';
import type { Account } from '../../audit/audit-log.ts';
import type { Run } from '../container-record.ts';

/** Containers that are collected for at once: more than any node runs. */
const MOST = 2048;
/** Containers that have ended and whose last records may still be on their way. */
const MOST_DONE = 4096;
/**
 * What runtimes call their processes between loading the profile and the workload's exec; the exec is the last call by that
 * name. A workload that takes it for itself has its calls counted as the runtime's, which are in the profile too.
 */
const RUNTIME = /^(runc:\[|crun(:|$)|youki(:|$))/;

export const LATE: StateReason = {
  code: 'began-late',
  message: 'it ran before the audit log was read, or while that could not be',
};
const MISSED: StateReason = {
  code: 'log-lost',
  message: 'it ended while the audit log was not read: whose its records are cannot be told any more',
};

/** How far the log was read; of two, the later has the greater number. */
interface Reached {
  readonly number: number;
  readonly position: Continuation;
}

interface LoggedRun {
  readonly calls: LoggedCalls;
  /** As of before the container was there. */
  before: Account | undefined;
  /** Why it cannot be whole, whatever was lost. */
  hole: StateReason | undefined;
  /** News as of the last look, and those that are on disk. */
  seen: number;
  kept: number;
  /** From where on the log has news that are not on disk. */
  from: Reached | undefined;
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
  /** By id, when they ended. */
  readonly #done = new LRUCache<string, number>({ max: MOST_DONE });
  /** Containers that were there before the log was read, and are not noticed yet. */
  #early = new Set<string>();
  /** What they began behind, where the log is read on from before that; else the hole that they have. */
  #earlier: Account | StateReason = LATE;
  #account: Account | undefined;
  #reached: Reached | undefined;

  /**
   * The log is read from now on; these were there before.
   * @param earlier the account as of where an earlier process stopped reading, if it is read on from there; else why not.
   */
  opened(early: Iterable<string>, account: Account, earlier: Account | StateReason = LATE): void {
    this.#early = new Set(early);
    this.#earlier = earlier;
    this.#account = account;
    for (const [id, run] of this.#runs.entries())
      if (!run.before && !run.hole) Object.assign(run, this.#beginningOf(id, true));
  }

  /** The log is read no more: what runs now is not whole. */
  interrupted(): void {
    this.#account = undefined;
    this.#reached = undefined;
    for (const run of this.#runs.values()) Object.assign(run, { hole: run.hole ?? LATE, from: undefined });
  }

  /** What is noticed from now on began after this. */
  mark(account: Account): void {
    this.#account = account;
  }

  /** @returns false for one that is done with. */
  add(id: string, event: LoggedEvent): boolean {
    const run = this.notice(id);
    if (!run) return false;
    run.calls.add(event);
    if (!run.from && newsOf(run) !== run.kept) run.from = this.#reached;
    return true;
  }

  /** All that the log has before this position was added. */
  reached(position: Continuation): void {
    this.#reached = { number: (this.#reached?.number ?? 0) + 1, position };
  }

  /** From where on the log has to be read again to lose nothing that is not on disk; and the account then, if not that of now. */
  safe(now: Account): { readonly position: Continuation | undefined; readonly account: Account } {
    let [first, account] = [this.#reached, now];
    for (const { from, before } of this.#runs.values())
      if (from && first && from.number < first.number) [first, account] = [from, before ?? account];
    return { position: first?.position, account };
  }

  /** The container is there. @returns undefined for one that is done with. */
  notice(id: string): LoggedRun | undefined {
    if (this.#done.has(id)) return undefined;
    let run = this.#runs.get(id);
    if (!run) {
      const calls = new LoggedCalls(({ process }) => (RUNTIME.test(process?.comm ?? '') ? 'runtime' : 'workload'));
      const beginning = this.#account ? this.#beginningOf(id, false) : { before: undefined, hole: undefined };
      run = { calls, ...beginning, seen: -1, kept: 0, from: undefined, unknown: 0 };
      this.#runs.set(id, run);
    }
    return run;
  }

  /** @param early it was noticed before the log was read up to what is logged now. */
  #beginningOf(id: string, early: boolean): Pick<LoggedRun, 'before' | 'hole'> {
    if (!this.#early.delete(id) && !early) return { before: this.#account, hole: undefined };
    return 'code' in this.#earlier
      ? { before: undefined, hole: this.#earlier }
      : { before: this.#earlier, hole: undefined };
  }

  /** The container was recorded before, by an earlier process for example: there is a hole if it is not known here. */
  resume(id: string): void {
    if (this.#runs.has(id)) return;
    const expected = this.#early.has(id);
    const run = this.notice(id);
    if (run && !expected) run.hole = LATE;
  }

  /** The container ran and ended before the log was read up to then. */
  missed(id: string): void {
    if (this.#runs.has(id)) return;
    const run = this.notice(id);
    if (run) run.hole = MISSED;
  }

  ids(): string[] {
    return [...this.#runs.keys()];
  }

  /** Whether there is something new since {@link look}. */
  hasNews(id: string): boolean {
    const run = this.#runs.peek(id);
    return run !== undefined && run.seen !== newsOf(run);
  }

  isMissed(id: string): boolean {
    return this.#runs.peek(id)?.hole === MISSED;
  }

  /** @param settled whether all that was logged of it has arrived; true as long as it runs. */
  look(id: string, now: Account | undefined, settled: boolean): Run {
    const run = this.notice(id);
    if (!run) return { calls: [], reasons: [] };
    run.seen = newsOf(run);
    const calls = run.calls.list();
    return { calls, reasons: [...reasonsOf(run, now, settled), ...run.calls.overflow(), ...unnamed(calls)] };
  }

  /** What {@link look} gave last is on disk. */
  kept(id: string): void {
    const run = this.#runs.peek(id);
    if (!run) return;
    run.kept = run.seen;
    if (newsOf(run) === run.kept) run.from = undefined;
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
  done(id: string, time = Date.now()): void {
    this.#runs.delete(id);
    this.#done.set(id, time);
  }

  isDone(id: string): boolean {
    return this.#done.has(id);
  }

  /** Those that are done with since then, the newest first. */
  doneSince(time: number): string[] {
    return [...this.#done.entries()].filter(([, at]) => at >= time).map(([id]) => id);
  }

  clear(): void {
    this.#runs.clear();
    this.#early.clear();
    this.#account = undefined;
    this.#reached = undefined;
  }
}

/** Grows by what would change what is told of the run. */
function newsOf({ calls }: LoggedRun): number {
  return calls.size + Math.min(calls.foreign, 1) + calls.overflow().length;
}

function reasonsOf({ hole, before, calls }: LoggedRun, now: Account | undefined, settled: boolean): StateReason[] {
  const reasons = hole || !before ? [hole ?? LATE] : [];
  const add = (condition: boolean, code: string, message: string) => {
    if (condition) reasons.push({ code, message });
  };
  add(calls.foreign > 0, 'unnamed', `${calls.foreign} calls of an unknown architecture`);
  if (!now || !before) return reasons;
  const unresolved = now.unresolved - before.unresolved;
  add(
    unresolved > 0,
    'log-lost',
    `${unresolved} records were of processes that had ended before it could be told whose they were`,
  );
  const lost = now.lost + now.pending - before.lost - before.pending;
  return [...reasons, ...logLosses(before.status, now.status, lost, settled)];
}
