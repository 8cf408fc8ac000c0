import { readyCondition, withTime } from '../../api/conditions.ts';
import type { SeccompProfile } from '../../api/types.ts';

type Status = NonNullable<SeccompProfile['status']>;

/**
 * The status of a profile that is still being recorded, which no node has: Partial, or Disabled. What becomes of it behind that
 * is told by its nodes (`installations/`).
 * @returns undefined where it is that already.
 */
export function partialStatus({ spec, status }: SeccompProfile, now: Date): Partial<Status> | undefined {
  const state = spec.state === 'Disabled' ? 'Disabled' : 'Partial';
  if (status?.status === state) return undefined;
  return { status: state, conditions: [withTime(readyCondition(state), status?.conditions, now)] };
}
