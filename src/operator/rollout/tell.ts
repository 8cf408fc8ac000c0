import { withTime } from '../../api/conditions.ts';
import type { Rollout } from '../../api/rollout.ts';
import type { SeccompProfile } from '../../api/types.ts';
import { CLEAN } from './decide.ts';
import type { Next } from './next.ts';

type Status = NonNullable<SeccompProfile['status']>;

/** A profile's status with what becomes of its roll-out. */
export function withRollout(
  status: Status,
  { rollout, enforced, clean }: Next,
  before: Status | undefined,
  now: Date,
): Status {
  const others = (status.conditions ?? []).filter(({ type }) => type !== CLEAN);
  const conditions = clean ? [...others, withTime(clean, before?.conditions, now)] : others;
  return { ...status, conditions, ...(rollout && { rollout }), ...(enforced && { enforced }) };
}

/** What people are told when a profile comes to be enforced. */
export function promotionText({ generation, cleanSeconds = 0, containers = 0, nodes = 0, running }: Rollout): string {
  const pods = (running ?? []).reduce((sum, one) => sum + one.pods, 0);
  return (
    `generation ${generation} is enforced from now on: ${cleanSeconds} s without a call that it refuses, ` +
    `${containers} containers on ${nodes} nodes. Containers that run keep what they began with until they are made anew` +
    (pods > 0 ? `: ${pods} pods need a restart (kubectl rollout restart)` : '')
  );
}
