import { type Condition, IN_USE, type ProfileState, readyCondition, withTime } from '../../api/conditions.ts';
import { localhostProfile } from '../../api/references.ts';
import type { Mode } from '../../api/rollout.ts';
import type { NodeStatus, SeccompProfile } from '../../api/types.ts';

/** Names in `activeWorkloads`: the object is sent whole to all who watch it. */
const MOST_WORKLOADS = 100;

/** From the worst to the best, as SPO ranks them: a profile is what it is on the node where it is worst. */
const ORDER: readonly ProfileState[] = [
  'Error',
  'Terminating',
  'Partial',
  'Disabled',
  'Pending',
  'InProgress',
  'Installed',
];

type Status = NonNullable<SeccompProfile['status']>;

export interface Facts {
  /** Node statuses of the profile, of nodes that are there. */
  readonly nodes: readonly NodeStatus[];
  /** Nodes that have an agent or are to get one; undefined where nobody knows. */
  readonly expected: number | undefined;
  /** Why it may be on no node. */
  readonly refusal?: string | undefined;
  /** Of a profile that is deleted: whether a pod needs it, one that has no node yet too. */
  readonly inUse: boolean;
  /** Of one that is rolled out: how nodes are to install it. */
  readonly mode?: Mode | undefined;
}

/** What has become of a profile, from what its nodes tell. */
export function aggregate(
  profile: SeccompProfile,
  { nodes, expected, refusal, inUse, mode }: Facts,
  now: Date,
): Status {
  const { metadata, status: before } = profile;
  const deleted = metadata.deletionTimestamp !== undefined;
  const state = deleted ? 'Terminating' : refusal === undefined ? stateOf(profile, nodes, expected, mode) : 'Error';
  const conditions = [
    readyCondition(state, state === 'Error' ? (refusal ?? messageOf(nodes)) : '', generationOf(nodes)),
    ...(deleted ? [inUseCondition(inUse)] : []),
  ];
  // A list is written as a whole: what others tell there stays.
  const others = (before?.conditions ?? []).filter(({ type }) => type !== 'Ready' && type !== IN_USE);
  return {
    status: state,
    conditions: [...conditions, ...others].map((condition) => withTime(condition, before?.conditions, now)),
    localhostProfile: localhostProfile(metadata.name),
    ...workloadsOf(nodes),
  };
}

/** Pods that use a profile, by name as far as an object may hold them; of one namespace, or of all. */
export function workloadsOf(
  nodes: readonly NodeStatus[],
  namespace?: string,
): { readonly activeWorkloads?: string[]; readonly pods?: number } {
  const named = nodes.flatMap(({ status }) => status?.activeWorkloads ?? []);
  const ours = namespace === undefined ? named : named.filter((pod) => pod.startsWith(`${namespace}/`));
  const counted = nodes.reduce((sum, { status }) => sum + (status?.pods ?? 0), 0);
  const pods = namespace === undefined ? counted : ours.length;
  if (pods === 0) return {};
  return { activeWorkloads: [...new Set(ours)].sort().slice(0, MOST_WORKLOADS), pods };
}

function stateOf(
  { spec, status }: SeccompProfile,
  nodes: readonly NodeStatus[],
  expected: number | undefined,
  mode: Mode | undefined,
): ProfileState {
  const ranks = nodes.map((node) => ORDER.indexOf(stateOn(node, mode)));
  const worst = ORDER[Math.min(...ranks)];
  if (worst === undefined) return spec.state === 'Disabled' ? 'Disabled' : 'Pending';
  const missing = nodes.length < (expected ?? 1);
  // A node that has just joined takes nothing away from the others.
  return !missing || worst === 'Error' || worst === 'Disabled' || worst === status?.status ? worst : 'Pending';
}

/** What is promoted, or audited anew, is another file, of no other generation. */
function stateOn({ status }: NodeStatus, mode: Mode | undefined): ProfileState {
  const state = status?.status ?? 'Pending';
  const has = status?.rollout?.mode ?? mode;
  return state === 'Installed' && has !== mode ? 'InProgress' : state;
}

/** What all nodes have: an older generation on one of them is what the profile's state is about. */
function generationOf(nodes: readonly NodeStatus[]): number | undefined {
  const generations = nodes.flatMap(
    ({ status }) => status?.conditions?.find(({ type }) => type === 'Ready')?.observedGeneration ?? [],
  );
  return generations.length > 0 ? Math.min(...generations) : undefined;
}

/** The nodes where it went wrong, a few of them, and why on the first. */
function messageOf(nodes: readonly NodeStatus[]): string {
  const failed = nodes.filter(({ status }) => status?.status === 'Error');
  const names = failed.map(({ spec }) => spec.nodeName).sort();
  const some = names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} others` : '');
  const first = failed.find(({ spec }) => spec.nodeName === names[0]);
  return `${some}: ${first?.status?.conditions?.[0]?.message ?? ''}`;
}

function inUseCondition(inUse: boolean): Omit<Condition, 'lastTransitionTime'> {
  return inUse
    ? { type: IN_USE, status: 'True', reason: 'UsedByPods', message: '' }
    : { type: IN_USE, status: 'False', reason: 'NoPods', message: '' };
}
