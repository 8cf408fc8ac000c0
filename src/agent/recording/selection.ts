import { createHash } from 'node:crypto';
import { durationOf } from '../../api/duration.ts';
import { isDnsLabel, matchesSelector, parseSessionId, traceAnnotation } from '../../api/names.ts';
import type { ProfileRecording } from '../../api/types.ts';
import { type ContainerRecord, newRecord, type RecordingRef } from './container-record.ts';

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
  /** It may not be recorded, since only pods with the label for that may; little else is known of it. */
  readonly unlabelled?: true;
  /** Every container that the kubelet has told of, by id. */
  readonly containers: readonly PodContainer[];
}

export interface PodContainer {
  readonly id: string;
  readonly name: string;
  /** Its processes are gone. One that is not is about to run, or runs. */
  readonly ended: boolean;
  /** When they went, milliseconds since the epoch, to within a second before; absent where that is not told. */
  readonly endedAt?: number;
  /** It has ended without having begun. */
  readonly neverRan?: true;
  /** An init container that has done its work: it is not started again. */
  readonly succeededInit: boolean;
}

/** On the mirror that the kubelet makes of a static pod; its cgroup is named by it, as those of others by their UIDs. */
export const CONFIG_HASH = 'kubernetes.io/config.hash';

/** By what a pod's containers are known to be its: the mirror of a static pod may be made anew under another UID while they run. */
export function uidOf(pod: Pick<Pod, 'metadata'>): string {
  return configHash(pod) ?? pod.metadata.uid ?? '';
}

/** Anybody may annotate a pod: what looks like the UID of another one is no hash of a manifest. */
function configHash({ metadata }: Pick<Pod, 'metadata'>): string | undefined {
  const hash = metadata.annotations?.[CONFIG_HASH];
  return hash !== undefined && /^[0-9a-f]{32}$/.test(hash) ? hash : undefined;
}

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

/** What the webhook gives to containers that are recorded from the log, the container's name behind. */
export const LOG_SESSION = traceAnnotation('SeccompProfile', 'Logs') as string;

/** Whether the webhook has made a container run under the profile that logs. */
export function hasLogSession({ metadata, unlabelled }: Pod, container: string): boolean {
  return !unlabelled && metadata.annotations?.[LOG_SESSION + container] !== undefined;
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
