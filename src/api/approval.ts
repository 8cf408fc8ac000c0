import type { SeccompProfile } from './types.ts';

type Rules = NonNullable<SeccompProfile['spec']['syscalls']>;

export interface Approval {
  /** `spec.syscalls` with what was approved. */
  readonly syscalls: Rules;
  readonly added: readonly string[];
  /** What was named and never seen, or has no name. */
  readonly unseen: readonly string[];
}

/** A call without a name in this machine's tables: no profile can say it. */
const NAME = /^[a-z0-9_]+$/;

/**
 * A profile that lets through calls that were seen to be refused.
 * @param text the calls, commas between them, or `all`.
 * @param seen those that were refused, or would be.
 */
export function approve(rules: Rules, text: string, seen: readonly string[]): Approval {
  const words = [...new Set(text.split(/[\s,]+/).filter(Boolean))];
  const wanted = words.includes('all') ? seen : words;
  const added = wanted.filter((name) => seen.includes(name) && NAME.test(name)).sort();
  const unseen = wanted.filter((name) => !added.includes(name));
  if (added.length === 0) return { syscalls: rules, added, unseen };
  // Another rule for the same call would stand against it.
  const others = rules.flatMap((rule) => {
    const names = rule.names.filter((name) => !added.includes(name));
    return names.length > 0 ? [{ ...rule, names }] : [];
  });
  const plain = others.findIndex(({ action, args = [] }) => action === 'SCMP_ACT_ALLOW' && args.length === 0);
  const target = others[plain];
  if (!target) return { syscalls: [...others, { names: added, action: 'SCMP_ACT_ALLOW' }], added, unseen };
  return { syscalls: others.with(plain, { ...target, names: [...target.names, ...added].sort() }), added, unseen };
}
