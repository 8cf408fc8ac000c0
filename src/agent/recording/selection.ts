import { createHash } from 'node:crypto';
import { durationOf } from '../../api/duration.ts';
import { isDnsLabel, matchesSelector, parseSessionId } from '../../api/names.ts';
import type { ProfileRecording } from '../../api/types.ts';
import { configHash, LOG_SESSION, type Pod, uidOf } from '../pods/pod.ts';
import { type ContainerRecord, newRecord, type RecordingRef } from './container-record.ts';

/** The recordings by which a container of a pod is to be recorded. Selectors that cannot be read match nothing. */
export function recordingsOf(
  pod: Pod,
  container: string,
  recordings: Iterable<ProfileRecording>,
  recorder: RecordingRef['recorder'],
): ProfileRecording[] {
  if (pod.unlabelled) return [];
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

const INTERVAL = 30_000;

/** Milliseconds of `1m30s`; 30 s for what is not such. */
export function parseInterval(text: string | undefined): number {
  return Math.min(Math.max(durationOf(text) ?? INTERVAL, 1000), 24 * 3_600_000);
}

/**
 * The recording from the log that the webhook has chosen for a container.
 * @param find by NAMESPACE/NAME.
 */
export function loggedFor<R extends ProfileRecording>(
  { metadata }: Pod,
  container: string,
  find: (key: string) => R | undefined,
): R | undefined {
  const session = parseSessionId(metadata.annotations?.[LOG_SESSION + container] ?? '');
  if (session?.container !== container) return undefined;
  const recording = find(`${metadata.namespace}/${session.recording}`);
  return recording && isLogged(recording) ? recording : undefined;
}

/** Whether a recording is made from the log. */
export function isLogged({ metadata, spec }: ProfileRecording): boolean {
  return spec.kind === 'SeccompProfile' && spec.recorder === 'Logs' && metadata.deletionTimestamp === undefined;
}

/** What is begun with for a container of a pod. */
export function recordFor(
  recording: ProfileRecording,
  pod: Pod,
  container: string,
  runtime: ContainerRecord['runtime'],
): ContainerRecord {
  const { name, namespace = '', generateName } = pod.metadata;
  const uid = uidOf(pod);
  return newRecord({
    id: recordId(recording.metadata.uid ?? '', uid, container),
    recording: recordingRef(recording),
    pod: {
      ...{ namespace, name, uid },
      ...(generateName !== undefined && { generateName }),
      ...(configHash(pod) !== undefined && { static: true as const }),
    },
    container,
    runtime,
  });
}

/** Tells records apart, on disk too. */
export function recordId(recordingUid: string, podUid: string, container: string): string {
  return createHash('sha256').update(`${recordingUid}/${podUid}/${container}`).digest('hex').slice(0, 32);
}
