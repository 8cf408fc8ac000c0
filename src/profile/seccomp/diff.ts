import { argsKey, canonicalRules, sortedUnique } from './canonical.ts';
import { EPERM, type Profile, type SyscallRule } from './model.ts';

/** A setting that differs; empty where one side has none. */
interface SettingChange {
  readonly setting: 'defaultAction' | 'defaultErrnoRet' | 'baseProfileName' | 'listenerPath' | 'listenerMetadata';
  readonly a: string;
  readonly b: string;
}

/** A name that both have, with other rules. */
interface NameChange {
  readonly name: string;
  readonly a: readonly SyscallRule[];
  readonly b: readonly SyscallRule[];
}

interface ListChange {
  readonly onlyA: readonly string[];
  readonly onlyB: readonly string[];
}

export interface ProfileDiff {
  readonly settings: readonly SettingChange[];
  readonly architectures: ListChange;
  readonly flags: ListChange;
  readonly names: ListChange;
  readonly changed: readonly NameChange[];
}

/** What two profiles say differently; order, grouping and metadata do not count. */
export function diffProfiles(a: Profile, b: Profile): ProfileDiff {
  const [left, right] = [byName(a), byName(b)];
  const both = sortedUnique(left.keys()).filter((name) => right.has(name));
  return {
    settings: diffSettings(a, b),
    architectures: diffLists(a.architectures, b.architectures),
    flags: diffLists(a.flags, b.flags),
    names: diffLists([...left.keys()], [...right.keys()]),
    changed: both
      .map((name) => ({ name, a: left.get(name) ?? [], b: right.get(name) ?? [] }))
      .filter((change) => rulesKey(change.a) !== rulesKey(change.b)),
  };
}

/** Whether there is no difference. */
export function isSame(diff: ProfileDiff): boolean {
  const lists = [diff.architectures, diff.flags, diff.names].flatMap(({ onlyA, onlyB }) => [...onlyA, ...onlyB]);
  return diff.settings.length === 0 && diff.changed.length === 0 && lists.length === 0;
}

function byName(profile: Profile): Map<string, SyscallRule[]> {
  const rules = new Map<string, SyscallRule[]>();
  for (const rule of profile.syscalls) {
    for (const name of rule.names) rules.set(name, [...(rules.get(name) ?? []), { ...rule, names: [name] }]);
  }
  return new Map([...rules].map(([name, own]) => [name, canonicalRules(own)]));
}

/** EPERM is what runtimes return where nothing is given. */
function ruleKey(rule: SyscallRule): string {
  return `${rule.action} ${rule.errnoRet ?? EPERM} ${argsKey(rule.args)}`;
}

function rulesKey(rules: readonly SyscallRule[]): string {
  return sortedUnique(rules.map(ruleKey)).join('; ');
}

function diffSettings(a: Profile, b: Profile): SettingChange[] {
  const text = (profile: Profile, setting: SettingChange['setting']) =>
    setting === 'defaultErrnoRet' ? String(profile.defaultErrnoRet ?? EPERM) : (profile[setting] ?? '');
  const refuses = [a, b].some((profile) => profile.defaultAction === 'SCMP_ACT_ERRNO');
  const settings = ['defaultAction', 'baseProfileName', 'listenerPath', 'listenerMetadata'] as const;
  return [...settings, ...(refuses ? (['defaultErrnoRet'] as const) : [])]
    .map((setting) => ({ setting, a: text(a, setting), b: text(b, setting) }))
    .filter((change) => change.a !== change.b);
}

function diffLists(a: readonly string[], b: readonly string[]): ListChange {
  return {
    onlyA: sortedUnique(a).filter((entry) => !b.includes(entry)),
    onlyB: sortedUnique(b).filter((entry) => !a.includes(entry)),
  };
}
