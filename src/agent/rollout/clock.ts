/** Between two looks, milliseconds: after a longer time nobody was there, or somebody has set the clock. */
const MOST = 30_000;

/** A time without a gap, milliseconds since the epoch. */
export interface Stretch {
  readonly from: number;
  readonly until: number;
  /** It goes on. */
  readonly open: boolean;
}

/**
 * The newest time for which containers ran under a profile and all that was logged was read: the one that there was, longer by now,
 * or a new one. What is between is nobody's.
 * @param holds whether that is so, since the last look and now.
 */
export function stretched(before: Stretch | undefined, now: number, holds: boolean): Stretch | undefined {
  if (!holds) return before && { ...before, open: false };
  if (!before?.open || now < before.until || now - before.until > MOST) return { from: now, until: now, open: true };
  return { ...before, until: now };
}
