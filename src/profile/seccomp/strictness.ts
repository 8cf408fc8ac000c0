import { type Action, EPERM } from './model.ts';

const ENOSYS = 38;

/** An action with what it returns; the number is there only for actions that have one. */
export interface Verdict {
  readonly action: Action;
  readonly errnoRet?: number;
}

/** SPO's order; KILL is KILL_THREAD's old name. */
const RANKS: Record<Action, number> = {
  SCMP_ACT_KILL_PROCESS: 0,
  SCMP_ACT_KILL: 1,
  SCMP_ACT_KILL_THREAD: 1,
  SCMP_ACT_TRAP: 2,
  SCMP_ACT_ERRNO: 3,
  SCMP_ACT_NOTIFY: 4,
  SCMP_ACT_TRACE: 5,
  SCMP_ACT_LOG: 6,
  SCMP_ACT_ALLOW: 7,
};

/** How strict an action is: the less, the stricter. */
export function rank(action: Action): number {
  return RANKS[action];
}

/** Runtimes pass the number on for ERRNO and TRACE alone, and EPERM where none is given; KILL is KILL_THREAD to them. */
export function verdict(action: Action, errnoRet: number | undefined): Verdict {
  if (action === 'SCMP_ACT_KILL') return { action: 'SCMP_ACT_KILL_THREAD' };
  const carries = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
  return carries && errnoRet !== undefined && errnoRet !== EPERM ? { action, errnoRet } : { action };
}

/** ENOSYS is the mildest refusal, as libcs fall back on an older call; among the others the lower number wins. */
function mildness({ errnoRet = EPERM }: Verdict): number {
  return errnoRet === ENOSYS ? 1 : -errnoRet;
}

/**
 * A total order of what {@link verdict} gives, so that it does not matter in which order profiles are merged: negative
 * when `a` is the stricter. Between equal actions the number that they return decides.
 */
export function compareVerdicts(a: Verdict, b: Verdict): number {
  return rank(a.action) - rank(b.action) || mildness(a) - mildness(b);
}

export function milder(a: Verdict, b: Verdict): Verdict {
  return compareVerdicts(a, b) >= 0 ? a : b;
}

export function stricter(a: Verdict, b: Verdict): Verdict {
  return compareVerdicts(a, b) <= 0 ? a : b;
}
