import type { Profile, SyscallArg, SyscallRule } from './model.ts';

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Sorted without duplicates, by code unit: the same on every machine, unlike a locale's order. */
export function sortedUnique(values: Iterable<string>): string[] {
  return [...new Set(values)].sort(compare);
}

/** Fixed-width numbers, so that the text sorts as the numbers do. */
function conditionKey(arg: SyscallArg): string {
  const hex = (value: bigint) => value.toString(16).padStart(16, '0');
  return `${arg.index} ${arg.op} ${hex(arg.value)} ${hex(arg.valueTwo)}`;
}

/** The same text for the same set of conditions; empty for none. */
export function argsKey(args: readonly SyscallArg[] | undefined): string {
  return sortedUnique((args ?? []).map(conditionKey)).join(',');
}

function canonicalArgs(args: readonly SyscallArg[]): SyscallArg[] {
  const byKey = new Map(args.map((arg) => [conditionKey(arg), arg]));
  return sortedUnique(byKey.keys()).flatMap((key) => byKey.get(key) ?? []);
}

/** One rule for each action, errno and set of conditions, with sorted names; in a fixed order. */
export function canonicalRules(rules: readonly SyscallRule[]): SyscallRule[] {
  const groups = new Map<string, SyscallRule>();
  for (const rule of rules) {
    const key = `${rule.action} ${String(rule.errnoRet ?? '').padStart(5)} ${argsKey(rule.args)}`;
    const names = sortedUnique([...(groups.get(key)?.names ?? []), ...rule.names]);
    const args = canonicalArgs(rule.args ?? []);
    groups.set(key, {
      names,
      action: rule.action,
      ...(rule.errnoRet !== undefined && { errnoRet: rule.errnoRet }),
      ...(args.length > 0 && { args }),
    });
  }
  return sortedUnique(groups.keys()).flatMap((key) => groups.get(key) ?? []);
}

/** The profile as `render` writes it: sorted, without duplicates, equal rules together. It means the same. */
export function canonicalProfile(profile: Profile): Profile {
  return {
    ...profile,
    architectures: sortedUnique(profile.architectures),
    flags: sortedUnique(profile.flags),
    syscalls: canonicalRules(profile.syscalls),
  };
}
