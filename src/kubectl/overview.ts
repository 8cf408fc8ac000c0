import { isBuilt, NOT_BUILT, notInstalled, notRecorded } from '../api/built.ts';
import type { Denied } from '../api/denials.ts';
import { LABELS } from '../api/names.ts';
import type { Rollout } from '../api/rollout.ts';
import type { ProfileBinding, ProfileRecording, SeccompProfile } from '../api/types.ts';

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

/** How far a profile is rolled out. */
export interface RolloutRow {
  readonly mode: string;
  readonly generation: number;
  /** `True`, `False` or `Unknown`. */
  readonly clean: string;
  readonly cleanSeconds: number;
  readonly containers: number;
  readonly nodes: number;
  readonly running: NonNullable<Rollout['running']>;
  readonly mixed: number;
  readonly denied: readonly Denied[];
  /** How often calls were logged that are not in the list. */
  readonly left: number;
}

interface ProfileRow {
  readonly name: string;
  readonly status: string;
  readonly syscalls: number;
  /** NAMESPACE/NAME of the recording that it is of. */
  readonly recording?: string;
  readonly rollout?: RolloutRow;
  readonly problem?: string;
}

/** A binding that binds nothing. */
interface BindingRow {
  readonly namespace: string;
  readonly name: string;
  readonly problem: string;
}

export interface Overview {
  readonly recordings: readonly RecordingRow[];
  readonly profiles: readonly ProfileRow[];
  readonly bindings: readonly BindingRow[];
}

interface Trouble {
  readonly reason?: string;
  readonly message?: string;
}

type Condition = Trouble & { readonly type: string; readonly status: string };

const PROBLEMS = new Set(['Error', 'Terminating']);

/**
 * Recordings and profiles at a glance, each in the order of their names.
 * @param namespace the recordings of which are meant, with their profiles and those that are rolled out to its pods; undefined: all,
 * and profiles that nobody recorded.
 * @param bindings of that namespace: those that bind nothing are told.
 */
export function overview(
  recordings: readonly ProfileRecording[],
  profiles: readonly SeccompProfile[],
  namespace: string | undefined,
  bindings: readonly ProfileBinding[] = [],
): Overview {
  const ours = recordings.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
  const theirs = profiles.filter((profile) => {
    if (namespace === undefined || profile.metadata.labels?.[LABELS.recordingNamespace] === namespace) return true;
    return isRolledOutTo(profile, namespace);
  });
  return {
    recordings: ours.map(recordingRow).sort((a, b) => order(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`)),
    // Instances of what is merged are many, and their recording tells of them.
    profiles: theirs
      .filter(isWorthTelling)
      .map(profileRow)
      .sort((a, b) => order(a.name, b.name)),
    bindings: bindings
      .filter(({ spec }) => !isBuilt(spec.profileRef.kind))
      .map(bindingRow)
      .sort((a, b) => order(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`)),
  };
}

function recordingRow({ metadata, spec, status }: ProfileRecording): RecordingRow {
  const complete = conditionOf(status?.conditions, 'Complete');
  const problem = metadata.deletionTimestamp
    ? 'it is being deleted: what its nodes recorded is put in order'
    : !isBuilt(spec.kind)
      ? `${NOT_BUILT}: ${notRecorded(spec.kind)}`
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

function bindingRow({ metadata: { namespace = '', name }, spec }: ProfileBinding): BindingRow {
  return { namespace, name, problem: `${NOT_BUILT}: ${notInstalled(spec.profileRef.kind)}: no pod is bound by it` };
}

function isWorthTelling({ metadata: { labels = {} } }: SeccompProfile): boolean {
  return labels[LABELS.partial] === undefined || labels[LABELS.containerId] === undefined;
}

function isRolledOutTo({ status }: SeccompProfile, namespace: string): boolean {
  if (!status?.rollout) return false;
  const workloads = (status.rollout.denied ?? []).map(({ workload }) => workload);
  return [...workloads, ...(status.activeWorkloads ?? [])].some((name) => name.startsWith(`${namespace}/`));
}

function profileRow({ metadata: { name, labels = {} }, spec, status }: SeccompProfile): ProfileRow {
  const [of, id] = [labels[LABELS.recordingNamespace], labels[LABELS.recordingId]];
  const state = status?.status ?? 'Pending';
  const ready = conditionOf(status?.conditions, 'Ready');
  const clean = conditionOf(status?.conditions, 'Clean');
  const trouble: Trouble = PROBLEMS.has(state) ? (ready ?? { reason: state }) : clean?.status === 'False' ? clean : {};
  const problem = [trouble.reason, trouble.message].filter(Boolean).join(': ') || undefined;
  return {
    name,
    status: state,
    ...(status?.rollout && { rollout: rolloutRow(status.rollout, clean?.status ?? 'Unknown') }),
    syscalls: new Set((spec.syscalls ?? []).flatMap(({ names }) => names)).size,
    ...(of !== undefined && id !== undefined && { recording: `${of}/${id}` }),
    ...(problem !== undefined && { problem }),
  };
}

function rolloutRow(rollout: Rollout, clean: string): RolloutRow {
  const { mode, generation, cleanSeconds = 0, containers = 0, nodes = 0, running = [], mixed = 0 } = rollout;
  const { denied = [], deniedLeft: left = 0 } = rollout;
  return { mode, generation, clean, cleanSeconds, containers, nodes, running, mixed, denied, left };
}

function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
