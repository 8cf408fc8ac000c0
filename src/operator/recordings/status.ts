import { type Condition, withTime } from '../../api/conditions.ts';
import type { StateReason } from '../../api/recording-state.ts';
import type { ProfileRecording } from '../../api/types.ts';
import { byContainer, type Instance, namesOf, type RecordingObject } from './instances.ts';
import type { Folded } from './merge.ts';

export type RecordingStatus = NonNullable<ProfileRecording['status']>;

/** Names in `activeWorkloads`, at most: with 10,000 pods the object would be rewritten whole for each. */
const MOST_WORKLOADS = 100;

/** Reasons in the API's CamelCase, by the recorder's codes. */
const REASONS: Readonly<Record<string, string>> = {
  'began-late': 'StartedBeforeRecorder',
  'still-running': 'StillRunning',
  'log-lost': 'RecordsLost',
  'log-unknown': 'LossesUnknown',
};

/** The one reason that only says that it is not known whether something was missed. */
const UNKNOWN = 'log-unknown';

export interface ContainerFacts {
  readonly profileName: string;
  readonly folded: Folded;
}

/** How far a recording is, from what its nodes tell. */
export function recordingStatus(
  recording: RecordingObject,
  instances: readonly Instance[],
  facts: ReadonlyMap<string, ContainerFacts>,
  now: Date,
): RecordingStatus {
  const groups = byContainer(instances);
  for (const container of facts.keys()) if (!groups.has(container)) groups.set(container, []);
  const containers = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, group]) => containerStatus(name, group, facts.get(name)));
  const running = instances.filter(({ state }) => (state?.running ?? 0) > 0);
  const pods = [...new Set(running.map(({ state }) => state?.pod.name ?? ''))].sort();
  const names = new Set([
    ...instances.flatMap(({ profile }) => [...namesOf(profile)]),
    ...[...facts.values()].flatMap(({ folded }) => Object.keys(folded.syscalls)),
  ]);
  const newest = latest(containers.map((container) => container.newest));
  const reasons = [
    ...instances.flatMap(({ state }) => state?.reasons ?? []),
    ...[...facts.values()].flatMap(({ folded }) => folded.reasons),
  ];
  const recorded = [...facts.values()].reduce((total, { folded }) => total + folded.total, instances.length);
  const conditions = [recordingCondition(recording, running.length), completeCondition(recorded, reasons)];
  return {
    activeWorkloads: pods.slice(0, MOST_WORKLOADS),
    pods: pods.length,
    syscalls: names.size,
    ...(newest !== undefined && { newest }),
    conditions: conditions.map((condition) => withTime(condition, recording.status?.conditions, now)),
    containers,
  };
}

function containerStatus(name: string, instances: readonly Instance[], facts: ContainerFacts | undefined) {
  const sum = (count: (instance: Instance) => number) =>
    instances.reduce((total, instance) => total + count(instance), 0);
  const folded = facts?.folded;
  const newest = latest([folded?.newest, ...instances.map(({ state }) => state?.newest)]);
  const reasons = [...instances.flatMap(({ state }) => state?.reasons ?? []), ...(folded?.reasons ?? [])];
  const syscalls = new Set([
    ...instances.flatMap(({ profile }) => [...namesOf(profile)]),
    ...Object.keys(folded?.syscalls ?? {}),
  ]);
  const profileName = facts?.profileName ?? instances.at(-1)?.profile.metadata.name;
  return {
    name,
    ...(profileName !== undefined && { profileName }),
    running: sum(({ state }) => state?.running ?? 0),
    done: sum(({ state }) => state?.done ?? 1) + (folded?.total ?? 0),
    syscalls: syscalls.size,
    ...(newest !== undefined && { newest }),
    complete:
      reasons.length === 0 ? 'True' : [...new Set(reasons.map(({ message }) => message))].join('; ').slice(0, 1000),
  };
}

function recordingCondition({ metadata }: RecordingObject, running: number): Untimed {
  if (metadata.deletionTimestamp !== undefined)
    return { type: 'Recording', status: 'False', reason: 'Deleted', message: '' };
  if (running > 0) return { type: 'Recording', status: 'True', reason: 'Active', message: '' };
  return { type: 'Recording', status: 'False', reason: 'NoPods', message: 'no pod that it selects runs now' };
}

function completeCondition(recorded: number, reasons: readonly StateReason[]): Untimed {
  // What may have been lost weighs less than what was.
  const first = reasons.find(({ code }) => code !== UNKNOWN) ?? reasons[0];
  if (first) {
    const messages = [...new Set(reasons.map(({ message }) => message))];
    const reason = REASONS[first.code] ?? camel(first.code);
    const status = first.code === UNKNOWN ? 'Unknown' : 'False';
    return { type: 'Complete', status, reason, message: messages.join('; ').slice(0, 1000) };
  }
  if (recorded === 0) return { type: 'Complete', status: 'Unknown', reason: 'NothingRecorded', message: '' };
  return { type: 'Complete', status: 'True', reason: 'NothingMissed', message: '' };
}

function camel(code: string): string {
  const words = code.split(/[^A-Za-z0-9]+/).filter(Boolean);
  return words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('') || 'Incomplete';
}

type Untimed = Omit<Condition, 'lastTransitionTime'>;

function latest(times: readonly (string | undefined)[]): string | undefined {
  return times
    .filter((time) => time !== undefined)
    .sort()
    .at(-1);
}
