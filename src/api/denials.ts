import type { NodeRollout } from './rollout.ts';

export type Denied = NonNullable<NodeRollout['denied']>[number];

/** Denials, and how many there was no room for. */
export interface Denials {
  readonly denied: readonly Denied[];
  readonly deniedLeft: number;
}

export const NO_DENIALS: Denials = { denied: [], deniedLeft: 0 };

/**
 * Denials of all that are given, one entry for each call of each workload. Of more than `most` every call keeps a workload, if
 * there is room for that; what is left out is counted.
 */
export function sumDenials(all: readonly Denials[], most: number): Denials {
  const sums = new Map<string, Denied>();
  for (const one of all.flatMap(({ denied }) => denied)) {
    const key = `${one.syscall} ${one.workload}`;
    const known = sums.get(key);
    sums.set(key, known ? { ...one, count: known.count + one.count, last: later(known.last, one.last) } : one);
  }
  const sorted = [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
  const firsts = new Set([...new Map(sorted.toReversed().map((one) => [one.syscall, one])).values()].slice(-most));
  const others = sorted.filter((one) => !firsts.has(one)).slice(0, most - firsts.size);
  const kept = new Set([...firsts, ...others]);
  const left = sorted.filter((one) => !kept.has(one)).reduce((sum, { count }) => sum + count, 0);
  return {
    denied: sorted.filter((one) => kept.has(one)),
    deniedLeft: all.reduce((sum, { deniedLeft }) => sum + deniedLeft, left),
  };
}

/** What is told now, and of before what is not told any more: whoever told it may be gone. */
export function keepDenials(before: Denials, now: Denials, most: number): Denials {
  const told = new Map(now.denied.map((one) => [`${one.syscall} ${one.workload}`, one]));
  const missing = before.denied.flatMap((one) => {
    const count = one.count - (told.get(`${one.syscall} ${one.workload}`)?.count ?? 0);
    return count > 0 ? [{ ...one, count }] : [];
  });
  const sum = sumDenials(
    [
      { ...now, deniedLeft: 0 },
      { denied: missing, deniedLeft: 0 },
    ],
    most,
  );
  return { ...sum, deniedLeft: Math.max(before.deniedLeft, now.deniedLeft, sum.deniedLeft) };
}

/** Of a status. */
export function denialsOf(status: Partial<Denials> = {}): Denials {
  return { denied: status.denied ?? NO_DENIALS.denied, deniedLeft: status.deniedLeft ?? 0 };
}

/** The calls, each once, sorted. */
export function deniedCalls(denied: readonly Denied[]): string[] {
  return [...new Set(denied.map(({ syscall }) => syscall))].sort();
}

function later(a: string, b: string): string {
  return Date.parse(a) >= Date.parse(b) ? a : b;
}
