import { ProfileError } from '../error.ts';
import { canonicalProfile, sortedUnique } from './canonical.ts';
import type { Profile, SyscallRule } from './model.ts';
import { type Conditional, type NamePolicy, type Policy, policyOf, split } from './semantics.ts';
import { compareVerdicts, milder, type Verdict } from './strictness.ts';

const ABSENT: NamePolicy = { conditionals: new Map() };

/**
 * One profile that allows whatever any of them does: for each call, the least restrictive of their actions (SPO's
 * order). It does not matter in which order or in what steps they are merged, and none is made stricter. Where the
 * format cannot say exactly that, the result is looser. Name, labels, annotations and roll-out are the first's.
 * @throws ProfileError if two differ in what only one value can be given for: base profile, listener.
 */
export function mergeProfiles(profiles: readonly [Profile, ...Profile[]]): Profile {
  return profiles.reduce(mergeTwo, mergeTwo(profiles[0], profiles[0]));
}

function mergeTwo(a: Profile, b: Profile): Profile {
  const [left, right] = [policyOf(a), policyOf(b)];
  const fallback = milder(left.fallback, right.fallback);
  const names = sortedUnique([...left.names.keys(), ...right.names.keys()]);
  const { state: _, defaultErrnoRet: __, ...first } = a;
  return canonicalProfile({
    ...first,
    ...(a.state && b.state && { state: a.state }),
    ...same('baseProfileName', a, b),
    ...same('listenerPath', a, b),
    ...same('listenerMetadata', a, b),
    defaultAction: fallback.action,
    ...(fallback.errnoRet !== undefined && { defaultErrnoRet: fallback.errnoRet }),
    // The machine's own is in every filter, listed or not, so a list never takes anything away.
    architectures: [...a.architectures, ...b.architectures],
    flags: mergeFlags(a.flags, b.flags),
    syscalls: names.flatMap((name) => rulesOf(name, mergeName(name, left, right))),
  });
}

function same<Key extends 'baseProfileName' | 'listenerPath' | 'listenerMetadata'>(
  key: Key,
  a: Profile,
  b: Profile,
): { [Name in Key]?: string } {
  const [one, two] = [a[key], b[key]];
  if (one !== undefined && two !== undefined && one !== two) {
    throw new ProfileError(`cannot merge: ${key} is ${one} in one profile and ${two} in another; make them the same`);
  }
  const value = one ?? two;
  return value === undefined ? {} : ({ [key]: value } as { [Name in Key]?: string });
}

/** All, but SPEC_ALLOW, which gives up a mitigation and which nothing needs to work: only if all agree. */
function mergeFlags(a: readonly string[], b: readonly string[]): string[] {
  const given = (flag: string) => flag !== 'SECCOMP_FILTER_FLAG_SPEC_ALLOW' || (a.includes(flag) && b.includes(flag));
  return [...a, ...b].filter(given);
}

/** The mildest that a policy can come to, whatever the arguments. */
function mildest(policy: NamePolicy, fallback: Verdict): Verdict {
  if (policy.always) return policy.always;
  return [...policy.conditionals.values()].map((conditional) => conditional.verdict).reduce(milder, fallback);
}

/**
 * A rule without conditions on either side makes one of the result (as in SPO): a rule cannot be the default of others.
 * Else conditions are alternatives, never joined in one entry, where all would have to hold; those that forbid more than
 * the default stay only where both sides have them.
 */
function mergeName(name: string, left: Policy, right: Policy): NamePolicy {
  const [a, b] = [left.names.get(name) ?? ABSENT, right.names.get(name) ?? ABSENT];
  if (a.always || b.always) {
    return { always: milder(mildest(a, left.fallback), mildest(b, right.fallback)), conditionals: new Map() };
  }
  const fallback = milder(left.fallback, right.fallback);
  return { conditionals: mergeConditionals(split(a, left.fallback), split(b, right.fallback), fallback) };
}

type Groups = ReturnType<typeof split>;

function mergeConditionals(ours: Groups, theirs: Groups, fallback: Verdict): Map<string, Conditional> {
  const merged = new Map<string, Conditional>();
  for (const conditional of [...ours.milder, ...theirs.milder]) {
    const known = merged.get(conditional.key);
    merged.set(conditional.key, known ? milderOf(known, conditional) : conditional);
  }
  for (const { key, verdict } of merged.values()) if (compareVerdicts(verdict, fallback) <= 0) merged.delete(key);
  for (const conditional of ours.stricter) {
    const other = theirs.stricter.find(({ key }) => key === conditional.key);
    if (other) merged.set(conditional.key, milderOf(conditional, other));
  }
  return merged;
}

function milderOf(a: Conditional, b: Conditional): Conditional {
  return { ...a, verdict: milder(a.verdict, b.verdict) };
}

function rulesOf(name: string, policy: NamePolicy): SyscallRule[] {
  if (policy.always) return [{ names: [name], ...policy.always }];
  return [...policy.conditionals.values()].map(({ args, verdict }) => ({ names: [name], ...verdict, args }));
}
