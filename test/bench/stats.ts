/** The figures' arithmetic; no clocks, no processes. */

export interface Estimate {
  readonly value: number;
  /** Bounds of the 95% confidence interval. */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 4000;

/** @throws RangeError when there are no values. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) throw new RangeError('no values');
  return below + (above - below) * (position - Math.floor(position));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Numbers in [0, 1) that are the same in every run (mulberry32): the same samples give the same interval. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A statistic of rounds, with a percentile bootstrap: whole rounds are drawn again, so that pairs stay pairs. */
export function estimate<Round>(rounds: readonly Round[], statistic: (rounds: readonly Round[]) => number): Estimate {
  const random = randomNumbers(1);
  const draw = () => rounds.map((round) => rounds[Math.floor(random() * rounds.length)] ?? round);
  const again = Array.from({ length: RESAMPLES }, () => statistic(draw()));
  return { value: statistic(rounds), low: quantile(again, 0.025), high: quantile(again, 0.975) };
}

/** Median of what `of` gives. */
export function estimateMedian<Round>(rounds: readonly Round[], of: (round: Round) => number): Estimate {
  return estimate(rounds, (drawn) => median(drawn.map(of)));
}

/** Ratio of the medians of what `of` and `to` give. */
export function estimateRatio<Round>(
  rounds: readonly Round[],
  of: (round: Round) => number,
  to: (round: Round) => number,
): Estimate {
  return estimate(rounds, (drawn) => median(drawn.map(of)) / median(drawn.map(to)));
}

export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const moved = result[last] as T;
    result[last] = result[other] as T;
    result[other] = moved;
  }
  return result;
}
