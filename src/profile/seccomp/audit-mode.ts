import { sortedUnique } from './canonical.ts';
import { isPermissive } from './limits.ts';
import type { Profile, SyscallRule } from './model.ts';
import { type NamePolicy, type Policy, policyOf } from './semantics.ts';
import type { Verdict } from './strictness.ts';

const LOG: Verdict = { action: 'SCMP_ACT_LOG' };
const ABSENT: NamePolicy = { conditionals: new Map() };

/**
 * What is installed of a profile while it is audited: what it refuses by default is logged and let through, and where it is an
 * update, only what was let through before. Its own rules never change, nor do those that were enforced and that it has no
 * word on. Where the format cannot say that exactly (a call that was let through and is now under a condition), more is logged.
 * @param last what was enforced before, with its bases; undefined: nothing.
 */
export function audited(next: Profile, last?: Profile): Profile {
  const now = policyOf(next);
  if (isPermissive(now.fallback.action)) return next;
  const { defaultErrnoRet: _, ...bare } = next;
  if (!last) return { ...bare, defaultAction: LOG.action };
  const before = policyOf(last);
  const fallback = logged(before.fallback);
  const names = sortedUnique([...now.names.keys(), ...before.names.keys()]);
  return {
    ...bare,
    defaultAction: fallback.action,
    ...(fallback.errnoRet !== undefined && { defaultErrnoRet: fallback.errnoRet }),
    // Calls of an architecture that is not listed end the thread, whatever the default.
    architectures: sortedUnique([...next.architectures, ...last.architectures]),
    syscalls: names.flatMap((name) => rulesOf(name, now, before)),
  };
}

/**
 * Whether a profile refuses a call only since it has no rule for it: a rule of its own is meant. Of one under conditions it cannot be
 * told, and it does.
 */
export function refusesByDefault(profile: Profile, name: string): boolean {
  const { fallback, names } = policyOf(profile);
  return !isPermissive(fallback.action) && names.get(name)?.always === undefined;
}

function logged(verdict: Verdict): Verdict {
  return isPermissive(verdict.action) ? LOG : verdict;
}

function rulesOf(name: string, now: Policy, before: Policy): SyscallRule[] {
  const [own, old] = [now.names.get(name) ?? ABSENT, before.names.get(name) ?? ABSENT];
  if (own.always) return [{ names: [name], ...own.always }];
  if (old.always && prevails(old.always, own, logged(before.fallback)))
    return [{ names: [name], ...logged(old.always) }];
  const rules = new Map([...old.conditionals].map(([key, one]) => [key, { ...one, verdict: logged(one.verdict) }]));
  for (const [key, one] of own.conditionals) rules.set(key, one);
  return [...rules.values()].map(({ args, verdict }) => ({ names: [name], ...verdict, args }));
}

/**
 * Whether what was done with a call whatever its arguments goes on: no condition can stand beside that. Rules of one's own that
 * refuse stand before it; and what was let through needs no rule where all that is not named is.
 */
function prevails(old: Verdict, { conditionals }: NamePolicy, fallback: Verdict): boolean {
  if (conditionals.size === 0) return true;
  const refusing = [...conditionals.values()].some(({ verdict }) => !isPermissive(verdict.action));
  return isPermissive(fallback.action) ? !isPermissive(old.action) && !refusing : isPermissive(old.action) && !refusing;
}
