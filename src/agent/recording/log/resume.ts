import type { StateReason } from '../../../api/recording-state.ts';
import type { Log } from '../../../kube/log.ts';
import type { Account, AuditLog } from '../../audit/audit-log.ts';
import { type Checkpoint, type CheckpointFile, MOST_NAMED } from './checkpoint.ts';
import { LATE, type LoggedRuns } from './runs.ts';

/** Milliseconds after which the time alone is news. */
const STALE = 30_000;
/** So often the log is tried before it is given up to read on from where an earlier process stopped. */
const PATIENT = 3;
/** Milliseconds for which a container that has ended is named as recorded: statuses tell ends to the second. */
const RECENT = 60_000;
/** A position that is in no file any more. */
const BEHIND: StateReason = {
  code: 'log-lost',
  message: 'while the agent was away, the log was rotated further than it can be read back',
};

/** Keeps how far the log was read, for the next process; and what the last one kept, until the log is read on from there. */
export class Keeper {
  readonly #file: Pick<CheckpointFile, 'read' | 'write' | 'remove'>;
  readonly #log: Log;
  #earlier: Checkpoint | undefined;
  #kept: Checkpoint | undefined;
  #since = Number.POSITIVE_INFINITY;
  #failures = 0;
  #failing = false;

  constructor(file: Pick<CheckpointFile, 'read' | 'write' | 'remove'>, log: Log) {
    this.#file = file;
    this.#log = log;
    try {
      this.#earlier = file.read();
    } catch (error) {
      log.warn({ error }, 'how far the audit log was read cannot be told: it is read from now on');
    }
  }

  /** What an earlier process kept, and nobody has taken over yet. */
  get earlier(): Checkpoint | undefined {
    return this.#earlier;
  }

  /** Milliseconds since the epoch: whoever ended before is recorded, or will not be. */
  get since(): number {
    return this.#since;
  }

  /**
   * The log was opened.
   * @returns what those that were there before began behind, or why they are not whole.
   */
  takeOver({ began }: Pick<AuditLog, 'began'>, account: Account): Account | StateReason {
    const earlier = this.#earlier;
    this.#earlier = undefined;
    this.#failures = 0;
    this.#since = Math.min(this.#since, toSecond(earlier?.time ?? Date.now()));
    if (began === 'behind') return BEHIND;
    return began === 'continued' && earlier ? accountOf(earlier, account) : LATE;
  }

  /** The log could not be opened. */
  failed(): void {
    this.#failures += 1;
    this.#since = Math.min(this.#since, toSecond(this.#earlier?.time ?? Date.now()));
    if (this.#failures >= PATIENT) this.#earlier = undefined;
  }

  /** All that was read is in records that are on disk, but for what holds the position back. */
  keep(runs: LoggedRuns, now: Account): void {
    const time = Date.now();
    const { position, account } = runs.safe(now);
    const kernelLost = account.status?.lost;
    const done = runs.doneSince(time - RECENT).slice(0, MOST_NAMED);
    this.#write({ time, done, ...(position && { position }), ...(kernelLost !== undefined && { kernelLost }) });
  }

  /** A full disk is no reason to end: until it can be written, more is read again after a restart. */
  #write(checkpoint: Checkpoint): void {
    const before = this.#kept;
    if (before && checkpoint.time < before.time + STALE && sameBut(before, checkpoint)) return;
    try {
      this.#file.write(checkpoint);
      this.#kept = checkpoint;
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#log.warn({ error }, 'how far the audit log was read cannot be kept');
      this.#failing = true;
    }
  }

  /** The log is needed no more: it is not read on from anywhere. */
  forget(): void {
    this.#since = Number.POSITIVE_INFINITY;
    if (!this.#kept && !this.#earlier) return;
    this.#kept = undefined;
    this.#earlier = undefined;
    this.#file.remove();
  }
}

function sameBut({ time: _, ...before }: Checkpoint, { time: __, ...now }: Checkpoint): boolean {
  return JSON.stringify(before) === JSON.stringify(now);
}

/** An account as of a checkpoint: the stream that is read on from there counts from its beginning. */
function accountOf({ kernelLost }: Checkpoint, { status }: Account): Account {
  const known = status && kernelLost !== undefined ? { ...status, lost: kernelLost } : undefined;
  return { status: known, lost: 0, pending: 0, unresolved: 0 };
}

/** Statuses tell ends in whole seconds. */
function toSecond(time: number): number {
  return Math.floor(time / 1000) * 1000;
}
