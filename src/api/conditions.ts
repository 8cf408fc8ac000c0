import type { SeccompProfile } from './types.ts';

type Status = NonNullable<SeccompProfile['status']>;
export type ProfileState = NonNullable<Status['status']>;
export type Condition = NonNullable<Status['conditions']>[number];
type Untimed = Omit<Condition, 'lastTransitionTime'>;

/** The condition by which `kubectl wait` knows a profile, in SPO's words. */
export function readyCondition(state: ProfileState, message = '', observedGeneration?: number): Untimed {
  const status = state === 'Installed' ? 'True' : 'False';
  const given = observedGeneration === undefined ? {} : { observedGeneration };
  return { type: 'Ready', status, reason: REASONS[state], message: message.slice(0, MOST_TEXT), ...given };
}

const MOST_TEXT = 1000;
const REASONS: Readonly<Record<ProfileState, string>> = {
  Pending: 'Creating',
  InProgress: 'Creating',
  Installed: 'Available',
  Terminating: 'Deleting',
  Error: 'Unavailable',
  Partial: 'Unavailable',
  Disabled: 'Unavailable',
};

/** The time of a condition is that of its last change of status. */
export function withTime(condition: Untimed, before: readonly Condition[] | undefined, now: Date): Condition {
  const same = before?.find(({ type, status }) => type === condition.type && status === condition.status);
  return { ...condition, lastTransitionTime: same?.lastTransitionTime ?? `${now.toISOString().slice(0, 19)}Z` };
}

/** On a profile that is deleted: whether a pod still needs it. Nodes take its file away once none does. */
export const IN_USE = 'InUse';

/** The operator has found that no pod needs a profile that is deleted. */
export function isReleased(conditions: readonly { readonly type: string; readonly status: string }[] = []): boolean {
  return conditions.some(({ type, status }) => type === IN_USE && status === 'False');
}
