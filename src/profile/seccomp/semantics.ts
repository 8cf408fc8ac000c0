import { argsKey } from './canonical.ts';
import type { Profile, SyscallArg, SyscallRule } from './model.ts';
import { compareVerdicts, milder, stricter, type Verdict, verdict } from './strictness.ts';

/** A set of conditions that must all hold, and what then happens. */
export interface Conditional {
  /** The same for the same conditions, in whatever order they stand. */
  readonly key: string;
  readonly args: readonly SyscallArg[];
  readonly verdict: Verdict;
}

/**
 * What a profile says about one name. `always`: a rule without conditions, beside which conditions count for nothing
 * (libseccomp drops them, in whatever order they are added); else the default holds unless one of `conditionals` does (by their key).
 */
export interface NamePolicy {
  readonly always?: Verdict;
  readonly conditionals: ReadonlyMap<string, Conditional>;
}

/** A profile read as runtimes enforce it, name by name. */
export interface Policy {
  readonly fallback: Verdict;
  readonly names: ReadonlyMap<string, NamePolicy>;
}

/** valueTwo has a meaning for MASKED_EQ alone. */
function plainArg(arg: SyscallArg): SyscallArg {
  return arg.op === 'SCMP_CMP_MASKED_EQ' ? arg : { ...arg, valueTwo: 0n };
}

/**
 * The conditions of one entry must all hold, unless two test the same argument: then each is an alternative of its own
 * (runc's matchCall, for libseccomp cannot test an argument twice in one rule).
 */
function alternatives(rule: SyscallRule): SyscallArg[][] {
  const args = (rule.args ?? []).map(plainArg);
  return new Set(args.map((arg) => arg.index)).size === args.length ? [args] : args.map((arg) => [arg]);
}

interface MutablePolicy {
  always?: Verdict;
  readonly conditionals: Map<string, Conditional>;
}

/**
 * Of two rules for the same conditions the milder counts: libseccomp 2.5 keeps the first of two without conditions and
 * refuses the second of two with the same, so the milder is never stricter than what is enforced.
 */
function addRule(policy: MutablePolicy, rule: SyscallRule, fallback: Verdict): void {
  const own = verdict(rule.action, rule.errnoRet);
  for (const args of alternatives(rule)) {
    if (args.length === 0) {
      policy.always = policy.always ? milder(policy.always, own) : own;
      continue;
    }
    // Runtimes leave out what says the same as the default (libseccomp refuses it).
    if (compareVerdicts(own, fallback) === 0) continue;
    const key = argsKey(args);
    const known = policy.conditionals.get(key);
    policy.conditionals.set(key, { key, args, verdict: known ? milder(known.verdict, own) : own });
  }
}

/**
 * Beside a rule without conditions the others count for nothing, unless it says the same as the default: then it is
 * itself left out. Alone it stays, as a mark that whatever this is merged with loses its conditions too: the result
 * would else depend on the order.
 */
function settle(policy: MutablePolicy, fallback: Verdict): void {
  if (policy.always === undefined || policy.conditionals.size === 0) return;
  if (compareVerdicts(policy.always, fallback) === 0) delete policy.always;
  else policy.conditionals.clear();
}

export function policyOf(profile: Profile): Policy {
  const fallback = verdict(profile.defaultAction, profile.defaultErrnoRet);
  const names = new Map<string, MutablePolicy>();
  for (const rule of profile.syscalls) {
    for (const name of rule.names) {
      const policy = names.get(name) ?? { conditionals: new Map() };
      names.set(name, policy);
      addRule(policy, rule, fallback);
    }
  }
  for (const policy of names.values()) settle(policy, fallback);
  return { fallback, names };
}

/** The conditions that forbid more than the default, and those that allow more. */
export function split(policy: NamePolicy, fallback: Verdict): { stricter: Conditional[]; milder: Conditional[] } {
  const all = [...policy.conditionals.values()];
  const isStricter = (conditional: Conditional) => compareVerdicts(conditional.verdict, fallback) < 0;
  return { stricter: all.filter(isStricter), milder: all.filter((conditional) => !isStricter(conditional)) };
}

function holds({ index, op, value, valueTwo }: SyscallArg, args: readonly bigint[]): boolean {
  const actual = BigInt.asUintN(64, args[index] ?? 0n);
  switch (op) {
    case 'SCMP_CMP_NE':
      return actual !== value;
    case 'SCMP_CMP_LT':
      return actual < value;
    case 'SCMP_CMP_LE':
      return actual <= value;
    case 'SCMP_CMP_EQ':
      return actual === value;
    case 'SCMP_CMP_GE':
      return actual >= value;
    case 'SCMP_CMP_GT':
      return actual > value;
    case 'SCMP_CMP_MASKED_EQ':
      return (actual & value) === valueTwo;
  }
}

/** A call of another architecture than those listed: libseccomp's default for it. */
const FOREIGN: Verdict = { action: 'SCMP_ACT_KILL_THREAD' };

/**
 * What the profile does to a call. Where several conditions with different actions hold at once, libseccomp promises
 * nothing; here one that forbids more than the default goes first (the strictest), then the mildest of the others.
 * @param arch the architecture that the call is made by; `native` is the machine's own, which every filter has.
 */
export function decide(
  profile: Profile,
  call: { readonly arch: string; readonly name: string; readonly args: readonly bigint[] },
  native = 'SCMP_ARCH_X86_64',
): Verdict {
  if (call.arch !== native && !profile.architectures.includes(call.arch)) return FOREIGN;
  const { fallback, names } = policyOf(profile);
  const policy = names.get(call.name);
  if (policy === undefined) return fallback;
  if (policy.always) return policy.always;
  const groups = split(policy, fallback);
  const matching = (group: Conditional[]) =>
    group.filter(({ args }) => args.every((arg) => holds(arg, call.args))).map((conditional) => conditional.verdict);
  const forbidden = matching(groups.stricter);
  return forbidden.length > 0 ? forbidden.reduce(stricter) : matching(groups.milder).reduce(milder, fallback);
}
