import type { NodeRollout, Rollout } from '../../api/rollout.ts';

type Time = Pick<Rollout, 'cleanSeconds' | 'cleanUntil'>;

/**
 * How long containers ran and nothing was logged, over all nodes: what several tell of the same time counts once. Nodes tell the
 * newest stretch only, so that it may be less than it was, never more.
 */
export function cleanTime(before: Time, nodes: readonly Pick<NodeRollout, 'cleanFrom' | 'cleanUntil'>[]): Time {
  let seconds = before.cleanSeconds ?? 0;
  let covered = Date.parse(before.cleanUntil ?? '') || 0;
  const stretches = nodes.flatMap(({ cleanFrom, cleanUntil }) =>
    cleanFrom !== undefined && cleanUntil !== undefined
      ? [{ from: Date.parse(cleanFrom), to: Date.parse(cleanUntil) }]
      : [],
  );
  for (const { from, to } of stretches.sort((a, b) => a.from - b.from)) {
    const begin = Math.max(from, covered);
    const whole = Math.floor((to - begin) / 1000);
    if (whole <= 0) continue;
    seconds += whole;
    // What is no whole second yet counts the next time.
    covered = begin + whole * 1000;
  }
  return seconds === 0 ? {} : { cleanSeconds: seconds, cleanUntil: new Date(covered).toISOString() };
}
