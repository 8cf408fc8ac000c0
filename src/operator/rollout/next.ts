import { denialsOf, keepDenials, sumDenials } from '../../api/denials.ts';
import {
  digestOf,
  type Enforced,
  enforcedOf,
  isAudited,
  type NodeRollout,
  type Rollout,
  tellEvery,
} from '../../api/rollout.ts';
import type { NodeStatus, SeccompProfile } from '../../api/types.ts';
import { cleanTime } from './clock.ts';
import { type Decision, decide } from './decide.ts';

/** Denials in the status of a profile. */
const MOST = 100;
/** Generations that pods run under. */
const MOST_GENERATIONS = 10;

/** What is to be told of how a profile is rolled out. */
export interface Next {
  readonly rollout?: Rollout;
  readonly enforced?: Enforced;
  readonly clean?: Decision['clean'];
  /** The same, where it is enforced from now on. */
  readonly promoted?: Rollout;
}

/** What becomes of a profile's roll-out by what its nodes tell. */
export function nextRollout(profile: SeccompProfile, nodes: readonly NodeStatus[], now: Date): Next {
  const { spec, status } = profile;
  const enforced = enforcedBy(profile, nodes);
  const kept = enforced ? { enforced } : {};
  if (!isAudited(profile)) return kept;
  const digest = digestOf(spec);
  const mode = enforced?.digest === digest ? 'Enforce' : 'Audit';
  const before = status?.rollout?.digest === digest ? status.rollout : undefined;
  const told = nodes.flatMap((node) => node.status?.rollout ?? []);
  const ours = told.filter((one) => one.digest === digest);
  // Nodes come and go with what they have told.
  const denials = keepDenials(denialsOf(before), sumDenials(ours.map(denialsOf), MOST), MOST);
  const denies = denials.denied.length + denials.deniedLeft > 0;
  const ran = ours.map(({ containers = 0 }) => containers).filter((count) => count > 0);
  const containers = Math.max(
    before?.containers ?? 0,
    ran.reduce((sum, count) => sum + count, 0),
  );
  const seen = Math.max(before?.nodes ?? 0, ran.length);
  const rollout: Rollout = {
    mode,
    generation: before?.generation ?? profile.metadata.generation ?? 0,
    digest,
    since: before?.mode === mode ? before.since : now.toISOString(),
    ...(mode === 'Audit' && !denies ? cleanTime(before ?? {}, ours) : timeOf(before)),
    ...(containers > 0 && { containers, nodes: seen }),
    ...(denials.denied.length > 0 && { denied: denials.denied }),
    ...(denials.deniedLeft > 0 && { deniedLeft: denials.deniedLeft }),
    ...runningOf(told),
  };
  const { promote, clean } = decide(spec.rollout ?? {}, rollout, unwatched(profile, nodes, now));
  if (mode === 'Enforce' || !promote) return { ...kept, rollout, clean };
  const promoted: Rollout = { ...rollout, mode: 'Enforce', since: now.toISOString() };
  return {
    enforced: enforcedOf(profile),
    rollout: promoted,
    clean: decide(spec.rollout ?? {}, promoted, []).clean,
    promoted,
  };
}

/** What is enforced, as far as nodes tell: a profile that none could install never was. */
function enforcedBy(profile: SeccompProfile, nodes: readonly NodeStatus[]): Enforced | undefined {
  const before = profile.status?.enforced;
  if (isAudited(profile) || before?.digest === digestOf(profile.spec)) return before;
  const installed = nodes.some(({ status }) => {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    return status?.status === 'Installed' && ready?.observedGeneration === profile.metadata.generation;
  });
  return installed ? enforcedOf(profile) : before;
}

function timeOf(before: Rollout | undefined): Pick<Rollout, 'cleanSeconds' | 'cleanUntil'> {
  const { cleanSeconds, cleanUntil } = before ?? {};
  return { ...(cleanSeconds !== undefined && { cleanSeconds }), ...(cleanUntil !== undefined && { cleanUntil }) };
}

function runningOf(told: readonly NodeRollout[]): Pick<Rollout, 'running' | 'mixed'> {
  const counts = new Map<string, NonNullable<Rollout['running']>[number]>();
  for (const one of told.flatMap(({ running = [] }) => running)) {
    const key = `${one.generation} ${one.mode}`;
    counts.set(key, { ...one, pods: one.pods + (counts.get(key)?.pods ?? 0) });
  }
  const mixed = told.reduce((sum, { mixed: count = 0 }) => sum + count, 0);
  const running = [...counts.values()].sort((a, b) => b.generation - a.generation || (a.mode < b.mode ? 1 : -1));
  return {
    ...(running.length > 0 && { running: running.slice(0, MOST_GENERATIONS) }),
    ...(mixed > 0 && { mixed }),
  };
}

/** Milliseconds after which a node that counts and has not told how far it is does not live; clocks may differ by most of it. */
export function silence(spec: SeccompProfile['spec']): number {
  return Math.max(3 * tellEvery(spec), 60_000);
}

/** Nodes with pods of the profile that cannot tell all that these call. */
function unwatched({ spec }: SeccompProfile, nodes: readonly NodeStatus[], now: Date): string[] {
  return nodes.flatMap(({ spec: { nodeName }, status }) => {
    const told = status?.rollout;
    if ((status?.pods ?? 0) === 0) return [];
    if (told?.digest !== digestOf(spec)) return [`${nodeName}: it has not told yet`];
    if (told.stream !== 'Alive') return [`${nodeName}: ${told.message ?? told.stream}`];
    const silent = told.counting && now.getTime() - Date.parse(told.cleanUntil ?? '') > silence(spec);
    return silent ? [`${nodeName}: it has told nothing since ${told.cleanUntil}`] : [];
  });
}
