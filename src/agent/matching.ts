import { createHash } from 'node:crypto';
import { isDnsLabel, matchesSelector } from '../api/names.ts';
import type { ProfileRecording } from '../api/types.ts';
import type { RecordingRef } from './record.ts';

/** What is kept of a pod: all that recording needs to know of it. */
export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly generateName?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly phase?: string;
  /** Every container that the kubelet has told of, by id. */
  readonly containers: readonly PodContainer[];
}

export interface PodContainer {
  readonly id: string;
  readonly name: string;
  readonly running: boolean;
  /** An init container that has done its work: it is not started again. */
  readonly succeededInit: boolean;
}

/** The recordings by which a container of a pod is to be recorded. Selectors that cannot be read match nothing. */
export function recordingsOf(
  pod: Pod,
  container: string,
  recordings: Iterable<ProfileRecording>,
  recorder: RecordingRef['recorder'],
): ProfileRecording[] {
  return [...recordings].filter(({ metadata, spec }) => {
    if (spec.kind !== 'SeccompProfile' || spec.recorder !== recorder) return false;
    if (metadata.namespace !== pod.metadata.namespace || metadata.deletionTimestamp !== undefined) return false;
    if (!isDnsLabel(metadata.name)) return false;
    if (spec.containers !== undefined && !spec.containers.includes(container)) return false;
    const selection = matchesSelector(spec.podSelector, pod.metadata.labels ?? {});
    return 'matches' in selection && selection.matches;
  });
}

export function recordingRef({ metadata, spec }: ProfileRecording): RecordingRef {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    recorder: spec.recorder,
    merged: spec.mergeStrategy === 'Containers',
    disabled: spec.disableProfileAfterRecording ?? false,
    snapshotInterval: parseInterval(spec.snapshotInterval),
  };
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };
const INTERVAL = 30_000;

/** Milliseconds of `1m30s`; 30 s for what is not such. */
export function parseInterval(text: string | undefined): number {
  if (text === undefined || !/^(\d+[smh])+$/.test(text)) return INTERVAL;
  const parts = [...text.matchAll(/(\d+)([smh])/g)];
  const sum = parts.reduce((total, [, number, unit]) => total + Number(number) * (UNITS[unit as string] as number), 0);
  return Math.min(Math.max(sum, 1000), 24 * 3_600_000);
}

/** Tells records apart, on disk too. */
export function recordId(recordingUid: string, podUid: string, container: string): string {
  return createHash('sha256').update(`${recordingUid}/${podUid}/${container}`).digest('hex').slice(0, 32);
}
