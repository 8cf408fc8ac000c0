import { createHash } from 'node:crypto';
import { durationOf } from './duration.ts';
import type { NodeStatus, SeccompProfile } from './types.ts';

/** Of a profile, with what decides about it. */
export interface RolledOut {
  readonly spec: { readonly rollout?: { readonly mode?: 'Audit' | 'Enforce'; readonly promoteAfter?: string } };
  readonly status?: { readonly enforced?: { readonly digest: string } };
}

export type Rollout = NonNullable<NonNullable<SeccompProfile['status']>['rollout']>;
export type Enforced = NonNullable<NonNullable<SeccompProfile['status']>['enforced']>;
export type NodeRollout = NonNullable<NonNullable<NodeStatus['status']>['rollout']>;
export type Mode = Rollout['mode'];

/** On a profile: calls that were seen to be refused, comma between them, or `all`. The operator adds them to the spec. */
export const APPROVE = 'spo.x-k8s.io/approve';

/** Characters of a spec that are kept: more than the calls of all architectures, each by a rule of its own. */
const MOST_KEPT = 200_000;

/** Whether changes of the profile are audited before they are enforced. */
export function isAudited({ spec }: Pick<RolledOut, 'spec'>): boolean {
  return spec.rollout?.mode === 'Audit';
}

const DAY = 24 * 3_600_000;
/** Of the time after which a profile is promoted, nodes tell how far they are every so long a part; within these limits, milliseconds. */
const PART = 1 / 20;
const SHORTEST = 5000;
const LONGEST = 3_600_000;

/** Milliseconds after which a profile is promoted. */
export function promoteAfter({ rollout }: RolledOut['spec']): number {
  return durationOf(rollout?.promoteAfter) ?? DAY;
}

/** Milliseconds after which a node tells how far it is, though nothing else has changed. */
export function tellEvery(spec: RolledOut['spec']): number {
  return Math.min(Math.max(promoteAfter(spec) * PART, SHORTEST), LONGEST);
}

/** What of a spec is enforced: how it gets there, and whether, is no part of it. */
function substanceOf(spec: RolledOut['spec']): object {
  const { rollout: _, state: __, ...substance } = spec as SeccompProfile['spec'];
  return substance;
}

/** The same for specs that say the same in the same order; the API server sorts fields. */
export function digestOf(spec: RolledOut['spec']): string {
  return createHash('sha256')
    .update(JSON.stringify(substanceOf(spec)))
    .digest('hex')
    .slice(0, 16);
}

/** How nodes have to install it. What the operator has let be enforced once is, until it says something else. */
export function modeOf(profile: RolledOut): Mode {
  return isAudited(profile) && profile.status?.enforced?.digest !== digestOf(profile.spec) ? 'Audit' : 'Enforce';
}

/** What is kept of a spec that is enforced, for an update of it. */
export function enforcedOf({ metadata, spec }: Pick<SeccompProfile, 'metadata' | 'spec'>): Enforced {
  const text = JSON.stringify(substanceOf(spec));
  return {
    generation: metadata.generation ?? 0,
    digest: digestOf(spec),
    ...(text.length <= MOST_KEPT && { spec: text }),
  };
}
