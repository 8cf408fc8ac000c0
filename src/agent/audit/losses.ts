import type { Account } from './audit-log.ts';

/** So long behind a loss the stream counts as one that loses records, milliseconds. */
const MEMORY = 60_000;

/** Whether all that is logged is read. */
export class Losses {
  #before: Account | undefined;
  #last = Number.NEGATIVE_INFINITY;
  #count = 0;

  /** The stream was opened or has ended: its counts begin anew. */
  begin(account: Account | undefined): void {
    this.#before = account;
  }

  /** @returns whether nothing was lost since the last look. */
  look(account: Account, now: number): boolean {
    const lost = this.#before ? lostBetween(this.#before, account) : 0;
    this.#before = account;
    if (lost > 0) this.add(lost, now);
    return lost === 0;
  }

  add(lost: number, now: number): void {
    this.#last = now;
    this.#count += lost;
  }

  /** Why it is not all, while that was not long ago. */
  reason(now: number): string | undefined {
    return now - this.#last < MEMORY
      ? `${this.#count} audit records were lost, or nobody knows whose they are`
      : undefined;
  }
}

function lostBetween(before: Account, now: Account): number {
  const behind = Math.max(now.lost - before.lost, 0) + Math.max(now.unresolved - before.unresolved, 0);
  if (!now.status || !before.status) return behind;
  // `auditctl --reset-lost` begins the kernel's count anew.
  const kernel = now.status.lost >= before.status.lost ? now.status.lost - before.status.lost : now.status.lost;
  return behind + kernel;
}
