import { LABELS } from '../api/names.ts';
import type { ProfileRecording, SeccompProfile } from '../api/types.ts';

/** What `status` tells of a recording. */
interface RecordingRow {
  readonly namespace: string;
  readonly name: string;
  readonly recorder: string;
  readonly pods: number;
  readonly syscalls: number;
  /** ISO 8601; absent where nothing was seen. */
  readonly newest?: string;
  /** `True`, `False` or `Unknown`. */
  readonly complete: string;
  /** Why it is not complete, or deleted and not gone yet. */
  readonly problem?: string;
  readonly containers: readonly { readonly name: string; readonly profile: string; readonly syscalls: number }[];
}

interface ProfileRow {
  readonly name: string;
  readonly status: string;
  readonly syscalls: number;
  /** NAMESPACE/NAME of the recording that it is of. */
  readonly recording?: string;
  readonly problem?: string;
}

export interface Overview {
  readonly recordings: readonly RecordingRow[];
  readonly profiles: readonly ProfileRow[];
}

type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
};

const PROBLEMS = new Set(['Error', 'Terminating']);

/**
 * Recordings and profiles at a glance, each in the order of their names.
 * @param namespace the recordings of which are meant, with their profiles; undefined: all, and profiles that nobody recorded.
 */
export function overview(
  recordings: readonly ProfileRecording[],
  profiles: readonly SeccompProfile[],
  namespace: string | undefined,
): Overview {
  const ours = recordings.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
  const theirs = profiles.filter(({ metadata: { labels = {} } }) => {
    return namespace === undefined || labels[LABELS.recordingNamespace] === namespace;
  });
  return {
    recordings: ours.map(recordingRow).sort((a, b) => order(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`)),
    // Instances of what is merged are many, and their recording tells of them.
    profiles: theirs
      .filter(isWorthTelling)
      .map(profileRow)
      .sort((a, b) => order(a.name, b.name)),
  };
}

function recordingRow({ metadata, spec, status }: ProfileRecording): RecordingRow {
  const complete = conditionOf(status?.conditions, 'Complete');
  const problem = metadata.deletionTimestamp
    ? 'it is being deleted: what its nodes recorded is put in order'
    : complete?.status === 'True' || complete?.reason === 'NothingRecorded'
      ? undefined
      : [complete?.reason, complete?.message].filter(Boolean).join(': ') || undefined;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    recorder: `${spec.kind}/${spec.recorder}`,
    pods: status?.pods ?? 0,
    syscalls: status?.syscalls ?? 0,
    ...(status?.newest !== undefined && { newest: status.newest }),
    complete: complete?.status ?? 'Unknown',
    ...(problem !== undefined && { problem }),
    containers: (status?.containers ?? []).map(({ name, profileName = '', syscalls = 0 }) => ({
      name,
      profile: profileName,
      syscalls,
    })),
  };
}

function isWorthTelling({ metadata: { labels = {} } }: SeccompProfile): boolean {
  return labels[LABELS.partial] === undefined || labels[LABELS.containerId] === undefined;
}

function profileRow({ metadata: { name, labels = {} }, spec, status }: SeccompProfile): ProfileRow {
  const [of, id] = [labels[LABELS.recordingNamespace], labels[LABELS.recordingId]];
  const state = status?.status ?? 'Pending';
  const ready = conditionOf(status?.conditions, 'Ready');
  const problem = PROBLEMS.has(state) ? [ready?.reason, ready?.message].filter(Boolean).join(': ') || state : undefined;
  return {
    name,
    status: state,
    syscalls: new Set((spec.syscalls ?? []).flatMap(({ names }) => names)).size,
    ...(of !== undefined && id !== undefined && { recording: `${of}/${id}` }),
    ...(problem !== undefined && { problem }),
  };
}

function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
