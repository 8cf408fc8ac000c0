import type { SeccompProfile } from '../api/types.ts';
import { withTime } from './status.ts';

type Status = NonNullable<SeccompProfile['status']>;

/**
 * The status of a recorded profile that no node has yet, in SPO's words: Partial or Disabled is not Ready for being
 * Unavailable, one that waits for its installation for being created.
 * @returns undefined where it is that already, or where an installer has the word.
 */
export function profileStatus(profile: SeccompProfile, partial: boolean, now: Date): Partial<Status> | undefined {
  const before = profile.status;
  const state = profile.spec.state === 'Disabled' ? 'Disabled' : partial ? 'Partial' : 'Pending';
  if (before?.status === state) return undefined;
  if (!partial && before?.status !== undefined && before.status !== 'Partial') return undefined;
  const reason = state === 'Pending' ? 'Creating' : 'Unavailable';
  const ready = { type: 'Ready', status: 'False', reason, message: '' } as const;
  return { status: state, conditions: [withTime(ready, before?.conditions, now)] };
}
