import type { Abi } from '../kernel/abi.ts';
import { SECCOMP_ARCH } from '../kernel/abi.ts';
import { syscallName } from '../kernel/syscalls.ts';
import type { Action, Profile } from '../profile/seccomp/model.ts';

function permits(action: Action): boolean {
  return action === 'SCMP_ACT_ALLOW' || action === 'SCMP_ACT_LOG';
}

/** The profile with everything that it would refuse logged instead. */
export function logInstead(profile: Profile): Profile {
  const soften = (action: Action) => (permits(action) ? action : 'SCMP_ACT_LOG');
  return {
    ...profile,
    defaultAction: soften(profile.defaultAction),
    syscalls: profile.syscalls.map((rule) => ({ ...rule, action: soften(rule.action) })),
  };
}

/** What a profile does with a call: refused or allowed whatever its arguments, or only the log can tell. */
export type Verdict = 'allowed' | 'refused' | 'by-arguments';

export function verdict(profile: Profile, abi: Abi, nr: number, native: Abi): Verdict {
  if (permits(profile.defaultAction) && profile.syscalls.every(({ action }) => permits(action))) return 'allowed';
  // Another architecture's calls are refused whole where it is not listed; the native one is always taken.
  if (abi !== native && !profile.architectures.includes(SECCOMP_ARCH[abi])) return 'refused';
  const name = syscallName(abi, nr);
  const rules = profile.syscalls.filter((rule) => name !== undefined && rule.names.includes(name));
  if (rules.some((rule) => rule.args !== undefined && rule.args.length > 0)) return 'by-arguments';
  const actions = rules.length > 0 ? rules.map((rule) => rule.action) : [profile.defaultAction];
  return actions.every(permits) ? 'allowed' : 'refused';
}
