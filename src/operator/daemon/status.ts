import { type Condition, withTime } from '../../api/conditions.ts';
import type { Daemon } from '../../api/types.ts';
import type { Problem } from './problems.ts';

type Status = NonNullable<Daemon['status']>;
type State = NonNullable<Status['state']>;
type Untimed = Omit<Condition, 'lastTransitionTime'>;

/** How far the agents' DaemonSet is. */
export interface Progress {
  /** Whether all of its pods are to be as it is now. */
  readonly observed: boolean;
  readonly desired: number;
  readonly updated: number;
  readonly ready: number;
}

export interface Facts {
  readonly problems: readonly Problem[];
  /** Undefined before there is a DaemonSet. */
  readonly progress: Progress | undefined;
  /** Whether the API server can call the webhooks. */
  readonly trusted: boolean;
  readonly coverage: Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;
}

const OURS = ['Ready', 'Accepted', 'CoversAllNodes'];
const MOST_TEXT = 4000;
const REASONS: Readonly<Record<State, string>> = {
  Pending: 'Pending',
  Creating: 'Creating',
  Updating: 'Updating',
  Running: 'Available',
  Error: 'Rejected',
};

/** What the object says of itself. */
export function daemonStatus({ metadata, status: before }: Daemon, facts: Facts, now: Date): Status {
  const accepted = acceptedCondition(facts.problems);
  const refused = facts.problems.some((problem) => problem.refused) ? accepted.message : undefined;
  const { state, message } =
    refused === undefined ? progressed(before?.state, facts) : { state: ERROR, message: refused };
  const ready = {
    type: 'Ready',
    status: state === 'Running' ? 'True' : 'False',
    reason: REASONS[state],
    message,
  } as const;
  const generation = metadata.generation === undefined ? {} : { observedGeneration: metadata.generation };
  const ours: Untimed[] = [ready, accepted, facts.coverage].map((condition) => ({ ...condition, ...generation }));
  // A list is written as a whole: what others tell there stays.
  const others = (before?.conditions ?? []).filter(({ type }) => !OURS.includes(type));
  return {
    state,
    conditions: [...ours, ...others].map((condition) => withTime(condition, before?.conditions, now)),
  };
}

const ERROR: State = 'Error';

function progressed(before: State | undefined, { progress, trusted }: Facts): { state: State; message: string } {
  if (!progress) return { state: 'Pending', message: '' };
  const { observed, desired, updated, ready } = progress;
  const rolledOut = observed && updated >= desired;
  // A node that is down, or one that has just joined, takes nothing away from the others: CoversAllNodes tells of it.
  if (rolledOut && (ready >= desired || before === 'Running')) {
    if (trusted) return { state: 'Running', message: '' };
    return { state: underWay(before), message: 'the webhooks’ configuration has no certificate yet' };
  }
  const number = observed ? `${Math.min(updated, ready)} of ${desired}` : 'not all';
  return { state: underWay(before), message: `${number} agents are as they are to be` };
}

/** What has run before is updated. */
function underWay(before: State | undefined): State {
  return before === 'Running' || before === 'Updating' || before === 'Error' ? 'Updating' : 'Creating';
}

function acceptedCondition(problems: readonly Problem[]): Untimed {
  if (problems.length === 0) return { type: 'Accepted', status: 'True', reason: 'Accepted', message: '' };
  const reason = problems.some(({ refused }) => refused) ? 'Invalid' : 'NotSupported';
  const told = problems.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return { type: 'Accepted', status: 'False', reason, message: told.slice(0, MOST_TEXT) };
}
