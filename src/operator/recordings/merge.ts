import { ANNOTATIONS, LABELS, profileName } from '../../api/names.ts';
import { RECORDING_UID, type StateReason } from '../../api/recording-state.ts';
import { mergeProfiles } from '../../profile/seccomp/merge.ts';
import type { Profile } from '../../profile/seccomp/model.ts';
import { oneByOne, toModel, toSpec } from '../../profile/seccomp/resource.ts';
import { type Instance, isFinished, namesOf, type ProfileObject, type RecordingObject, ROLE } from './instances.ts';

/** On a merged profile: instances that are in it and are no objects any more. */
const FOLDED = 'spo.x-k8s.io/folded-instances';
/** Finished instances of a container that stay as objects; the older ones are in the merged profile alone. */
export const KEPT = 100;

/** What is known of instances that are no objects any more. */
export interface Folded {
  readonly total: number;
  /** By name: how many of them had it. */
  readonly syscalls: Readonly<Record<string, number>>;
  readonly reasons: readonly StateReason[];
  readonly newest?: string;
  /** UIDs of objects that are counted in here and are still to be deleted. */
  readonly deleting: readonly string[];
}

const NOTHING: Folded = { total: 0, syscalls: {}, reasons: [], deleting: [] };

export function foldedOf(merged: ProfileObject | undefined): Folded {
  const text = merged?.metadata.annotations?.[FOLDED];
  try {
    const value = text === undefined ? undefined : (JSON.parse(text) as Partial<Folded>);
    return value && typeof value.total === 'number' ? { ...NOTHING, ...value } : NOTHING;
  } catch {
    return NOTHING;
  }
}

/** Instances that are counted neither in `folded` nor fold now, and what is folded with those that do. */
export interface Fold {
  readonly kept: readonly Instance[];
  readonly folded: Folded;
}

/** Folds all finished instances but the newest; objects that are folded already and not yet deleted count once. */
export function fold(instances: readonly Instance[], before: Folded): Fold {
  const rest = instances.filter(({ profile }) => !before.deleting.includes(profile.metadata.uid ?? ''));
  const still = instances
    .filter((instance) => !rest.includes(instance))
    .map(({ profile }) => profile.metadata.uid ?? '');
  const finished = rest
    .filter((instance) => isFinished(instance) && isPlain(instance))
    .sort((a, b) =>
      (b.profile.metadata.creationTimestamp ?? '').localeCompare(a.profile.metadata.creationTimestamp ?? ''),
    );
  const folding = new Set(finished.slice(KEPT));
  let folded: Folded = { ...before, deleting: still };
  for (const instance of folding) folded = add(folded, instance);
  return { kept: rest.filter((instance) => !folding.has(instance)), folded };
}

function add(folded: Folded, { profile, state }: Instance): Folded {
  const syscalls = { ...folded.syscalls };
  for (const name of namesOf(profile)) syscalls[name] = (syscalls[name] ?? 0) + 1;
  const known = new Set(folded.reasons.map(({ code }) => code));
  const newest = [folded.newest, state?.newest]
    .filter((time) => time !== undefined)
    .sort()
    .at(-1);
  return {
    total: folded.total + 1,
    syscalls,
    reasons: [...folded.reasons, ...(state?.reasons ?? []).filter(({ code }) => !known.has(code))],
    ...(newest !== undefined && { newest }),
    deleting: [...folded.deleting, profile.metadata.uid ?? ''],
  };
}

/** Only whole calls that are allowed: what the counts can tell of it is all there is. */
function isPlain({ profile: { spec } }: Instance): boolean {
  return (spec.syscalls ?? []).every(({ action, args }) => action === 'SCMP_ACT_ALLOW' && !args?.length);
}

/**
 * What all instances of a container did, as one profile with how many of them did each call (SPO's coverage annotation).
 * While the recording goes on it is labelled as partial: it is not installed, and becomes installable in one write.
 * @throws ProfileError or RangeError where instances that somebody else wrote cannot be merged.
 */
export function mergedProfile(
  recording: RecordingObject,
  container: string,
  { kept, folded }: Fold,
  { name, final }: { readonly name: string; readonly final: boolean },
): ProfileObject {
  const models: Profile[] = kept.map(({ profile }) => toModel(profile));
  if (folded.total > 0) models.push(foldedModel(folded, recording, kept[0]?.profile));
  const merged = mergeProfiles(models as [Profile, ...Profile[]]);
  const counts: Record<string, number> = { ...folded.syscalls };
  for (const { profile } of kept) for (const syscall of namesOf(profile)) counts[syscall] = (counts[syscall] ?? 0) + 1;
  const sorted = Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
  const coverage = { version: 'v1', total: kept.length + folded.total, syscalls: sorted };
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'SeccompProfile',
    metadata: {
      name,
      labels: {
        [LABELS.recordingId]: recording.metadata.name,
        [LABELS.recordingNamespace]: recording.metadata.namespace ?? '',
        ...(!final && { [LABELS.partial]: 'true', [ROLE]: 'merged' }),
      },
      annotations: {
        [RECORDING_UID]: recording.metadata.uid ?? '',
        [ANNOTATIONS.syscallCoverage]: JSON.stringify(coverage),
        [MERGED_CONTAINER]: container,
        ...(!final && folded.total > 0 && { [FOLDED]: JSON.stringify(folded) }),
      },
    },
    // Syscalls one by one, as SPO's merged profiles have them.
    spec: toSpec({
      ...merged,
      syscalls: oneByOne(merged.syscalls),
    }) as ProfileObject['spec'],
  };
}

/** On a merged profile: of which container it is. */
const MERGED_CONTAINER = 'spo.x-k8s.io/merged-container';

/** The merged profiles of this recording, not of an earlier one of its name, by container: those that are finished too. */
export function mergedOf({ metadata: { uid } }: RecordingObject, profiles: Iterable<ProfileObject>) {
  const found = new Map<string, ProfileObject>();
  for (const profile of profiles) {
    const annotations = profile.metadata.annotations ?? {};
    const container = annotations[MERGED_CONTAINER];
    if (container !== undefined && annotations[RECORDING_UID] === uid) found.set(container, profile);
  }
  return found;
}

function foldedModel(folded: Folded, { spec }: RecordingObject, like: ProfileObject | undefined): Profile {
  const names = Object.keys(folded.syscalls).sort();
  return {
    ...(spec.disableProfileAfterRecording && { state: 'Disabled' as const }),
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: like?.spec.architectures ?? [],
    flags: [],
    syscalls: names.length > 0 ? [{ names, action: 'SCMP_ACT_ALLOW' }] : [],
  };
}

export function mergedName({ metadata }: RecordingObject, container: string): string {
  return profileName(metadata.name, container, '');
}
