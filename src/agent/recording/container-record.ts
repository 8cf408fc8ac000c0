import type { Recorder } from '../../api/names.ts';
import type { RecordingState, StateReason } from '../../api/recording-state.ts';
import type { Runtime } from '../../profile/seccomp/runtime-tails.ts';
import type { ObservedCall } from '../../recording/observation.ts';

/** Runs whose ends are kept apart by id, so that none is folded twice; a container that crashes on and on has more. */
const MOST_ENDED = 500;
const MOST_REASONS = 50;

/** The recording that a container is recorded for. */
export interface RecordingRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly recorder: Recorder;
  readonly merged: boolean;
  readonly disabled: boolean;
  /** Milliseconds between two snapshots of what runs, at least. */
  readonly snapshotInterval: number;
}

interface PodRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generateName?: string;
  /** Of a manifest on the node: other nodes have one of the same. */
  readonly static?: true;
}

/** What one run of a container did. */
export interface Run {
  readonly calls: readonly ObservedCall[];
  readonly reasons: readonly StateReason[];
}

/**
 * One container of one pod for one recording, over all its restarts: what was seen is only ever added to. It is what is
 * kept on disk, so everything that the profile is made of is in it.
 */
export interface ContainerRecord {
  readonly id: string;
  readonly recording: RecordingRef;
  readonly pod: PodRef;
  readonly container: string;
  /** Whose calls after the filter is loaded belong into the profile; several where it can be any of them. Once it was always one. */
  readonly runtime: Runtime | readonly Runtime[];
  /** Of runs that ended. */
  readonly past: Run;
  /** Ids of the containers that ended, and how many that were. */
  readonly ended: readonly string[];
  readonly done: number;
  /** What runs, by the container's id, as of the last look. */
  readonly current: Readonly<Record<string, Run>>;
  /** Milliseconds since the epoch at which the newest call was seen; 0: none was. */
  readonly newest: number;
  /** Nothing comes any more. */
  readonly finished: boolean;
  /** The object that it was published as. */
  readonly published?: { readonly name: string; readonly uid: string };
  /** Somebody deleted that object: it is not brought back to life, and the container not begun with anew. */
  readonly refused?: boolean;
}

export function newRecord(
  facts: Pick<ContainerRecord, 'id' | 'recording' | 'pod' | 'container' | 'runtime'>,
): ContainerRecord {
  return {
    ...facts,
    past: { calls: [], reasons: [] },
    ended: [],
    done: 0,
    current: {},
    newest: 0,
    finished: false,
  };
}

/** The record after another look at a run. A run that has ended is folded in once, and is not opened again. */
export function withRun(
  record: ContainerRecord,
  containerId: string,
  run: Run,
  ended: boolean,
  now: number,
): ContainerRecord {
  if (record.finished || record.ended.includes(containerId)) return record;
  const { [containerId]: before, ...others } = record.current;
  const known = new Set(
    [...record.past.calls, ...Object.values(record.current).flatMap(({ calls }) => calls)].map(keyOf),
  );
  const newest = run.calls.some((call) => !known.has(keyOf(call))) ? now : record.newest;
  // A slot that was read before its container ended may not be read as less later.
  const whole = before ? unionOf([before, run]) : run;
  if (!ended) return { ...record, newest, current: { ...others, [containerId]: whole } };
  return {
    ...record,
    newest,
    past: unionOf([record.past, whole]),
    ended: [...record.ended, containerId].slice(-MOST_ENDED),
    done: record.done + 1,
    current: others,
  };
}

/** The record when what a run did is kept by nobody any more: the machine was started anew, most likely. */
export function abandon(record: ContainerRecord, containerId: string): ContainerRecord {
  const lost: StateReason = { code: 'interrupted', message: 'its end was not seen: recording was interrupted' };
  return withRun(record, containerId, { calls: [], reasons: [lost] }, true, record.newest);
}

/** The record when nothing comes any more; what still runs then makes it partial. */
export function finish(record: ContainerRecord): ContainerRecord {
  const running = Object.values(record.current);
  const still: StateReason = { code: 'still-running', message: 'the recording ended while the container ran' };
  const rest = running.length > 0 ? [...running, { calls: [], reasons: [still] }] : [];
  return {
    ...record,
    past: unionOf([record.past, ...rest]),
    done: record.done + running.length,
    current: {},
    finished: true,
  };
}

/** All that was seen in all runs. */
export function totalOf(record: ContainerRecord): Run {
  return unionOf([record.past, ...Object.values(record.current)]);
}

export function stateOfRecord(record: ContainerRecord, node: string): RecordingState {
  return {
    pod: { name: record.pod.name, uid: record.pod.uid },
    container: record.container,
    node,
    running: Object.keys(record.current).length,
    done: record.done,
    finished: record.finished,
    ...(record.newest > 0 && { newest: new Date(record.newest).toISOString() }),
    reasons: totalOf(record).reasons,
  };
}

function unionOf(runs: readonly Run[]): Run {
  const calls = new Map<string, ObservedCall>();
  const reasons = new Map<string, StateReason>();
  for (const run of runs) {
    for (const { abi, nr, phase } of run.calls) calls.set(keyOf({ abi, nr, phase }), { abi, nr, phase });
    for (const reason of run.reasons) if (reasons.size < MOST_REASONS) reasons.set(reason.code, reason);
  }
  return { calls: [...calls.values()], reasons: [...reasons.values()] };
}

function keyOf({ phase, abi, nr }: ObservedCall): string {
  return `${phase}:${abi}:${nr}`;
}
