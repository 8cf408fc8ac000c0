import { LABELS } from '../../api/names.ts';
import { RECORDING_UID, type RecordingState, stateOf } from '../../api/recording-state.ts';
import type { ProfileRecording, SeccompProfile } from '../../api/types.ts';
import type { KubeObject } from '../../kube/object.ts';

export type ProfileObject = SeccompProfile & KubeObject;
export type RecordingObject = ProfileRecording & KubeObject;

/** On profiles of a recording: `merged` for one that follows all instances of a container. */
export const ROLE = 'spo.x-k8s.io/role';

/** What one container of one pod did, as its node's agent tells it. */
export interface Instance {
  readonly profile: ProfileObject;
  readonly container: string;
  /** Absent for what another recorder wrote: there is nothing more to come of it. */
  readonly state: RecordingState | undefined;
  readonly partial: boolean;
}

/** NAMESPACE/NAME of the recording that a profile belongs to. */
export function recordingKeyOf({ metadata: { labels = {} } }: KubeObject): string | undefined {
  const [namespace, name] = [labels[LABELS.recordingNamespace], labels[LABELS.recordingId]];
  return namespace !== undefined && name !== undefined ? `${namespace}/${name}` : undefined;
}

/** The profiles of this recording, not of an earlier one of its name. */
export function instancesOf({ metadata: { uid } }: RecordingObject, profiles: Iterable<ProfileObject>): Instance[] {
  return [...profiles].flatMap((profile) => {
    const { labels = {}, annotations = {} } = profile.metadata;
    const container = labels[LABELS.containerId];
    const owner = annotations[RECORDING_UID];
    if (container === undefined || labels[ROLE] !== undefined || (owner !== undefined && owner !== uid)) return [];
    return [{ profile, container, state: stateOf(profile.metadata), partial: labels[LABELS.partial] !== undefined }];
  });
}

export function isFinished({ state }: Instance): boolean {
  return state?.finished ?? true;
}

/** Nothing was seen of it, but why: it makes its recording incomplete, and no profile. */
export function isUnseen({ state }: Instance): boolean {
  return state !== undefined && state.newest === undefined && state.reasons.length > 0;
}

export function byContainer(instances: readonly Instance[]): Map<string, Instance[]> {
  return Map.groupBy(instances, ({ container }) => container);
}

/** Names that a profile allows, or does anything with. */
export function namesOf({ spec }: SeccompProfile): Set<string> {
  return new Set((spec.syscalls ?? []).flatMap(({ names }) => names));
}
