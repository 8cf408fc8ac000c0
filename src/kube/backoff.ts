export interface Backoff {
  /** Milliseconds after the first failure; doubled with each further one. */
  readonly base: number;
  readonly cap: number;
}

/** Spread over half to one and a half of its value, so that clients who failed together do not come back together. */
export function jittered(milliseconds: number, random = Math.random): number {
  return milliseconds * (0.5 + random());
}

/** @param failures in a row, 1 for the first. */
export function delayOf({ base, cap }: Backoff, failures: number): number {
  return Math.min(cap, base * 2 ** (failures - 1));
}
