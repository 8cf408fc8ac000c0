import { approve } from '../api/approval.ts';
import type { Denied } from '../api/denials.ts';
import { deniedCalls } from '../api/denials.ts';
import { APPROVE } from '../api/rollout.ts';
import type { SeccompProfile } from '../api/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKube } from '../kube/errors.ts';
import type { KubeObject } from '../kube/object.ts';
import { SyscribeError } from '../platform/errors.ts';
import { PROFILES } from './record.ts';

/** What a profile could let through, by what was seen under it. */
export interface Suggestion {
  readonly profile: string;
  readonly denied: readonly Denied[];
  /** How often calls were logged that are not in the list. */
  readonly left: number;
  /** Calls that would be let through. */
  readonly calls: readonly string[];
  /** Those that were asked for, and cannot be. */
  readonly unseen: readonly string[];
  /** A merge patch of the profile, where it would change. */
  readonly patch?: { readonly spec: { readonly syscalls: SeccompProfile['spec']['syscalls'] } };
}

/** @param only calls that are meant; none: all that were seen. */
export function suggestionFor({ metadata, spec, status }: SeccompProfile, only: readonly string[]): Suggestion {
  const { denied = [], deniedLeft = 0 } = status?.rollout ?? {};
  const text = only.length > 0 ? only.join(',') : 'all';
  const { syscalls, added, unseen } = approve(spec.syscalls ?? [], text, deniedCalls(denied));
  return {
    profile: metadata.name,
    ...{ denied, left: deniedLeft, calls: added, unseen },
    ...(added.length > 0 && { patch: { spec: { syscalls } } }),
  };
}

/** @throws SyscribeError ERR_TARGET_NOT_FOUND where there is no such profile. */
export async function suggest(client: KubeClient, name: string, only: readonly string[]): Promise<Suggestion> {
  try {
    return suggestionFor(await client.get<SeccompProfile & KubeObject>(PROFILES, { name }), only);
  } catch (error) {
    if (!isKube(error, 'notFound')) throw error;
    throw new SyscribeError('ERR_TARGET_NOT_FOUND', `there is no SeccompProfile ${name}`, {
      remedy: 'Name another: kubectl get sp.',
    });
  }
}

/** Tells the operator that a person wants these calls let through: it changes the profile. */
export async function approveCalls(client: KubeClient, { profile, calls }: Suggestion): Promise<void> {
  const metadata = { annotations: { [APPROVE]: calls.join(',') } };
  await client.patch(PROFILES, { name: profile }, { metadata }, { type: 'merge' });
}
