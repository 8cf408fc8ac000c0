import type { Abi } from '../../kernel/abi.ts';
import { BASE_SYSCALLS, type Source } from './build.ts';
import { canonicalRules, sortedUnique } from './canonical.ts';
import type { Evidence, EvidenceCall } from './evidence.ts';
import type { Profile, SyscallRule } from './model.ts';
import { FACT_GROUPS, syscallFact } from './syscall-facts.ts';

const UNKNOWN_GROUP = 'other architectures or unknown';

/** One name of a profile. */
export interface ExplainedCall {
  readonly name: string;
  readonly purpose?: string;
  readonly risk?: string;
  readonly rules: readonly SyscallRule[];
  /** Why it is there, as far as the evidence tells; empty without evidence, and for a name that it does not have. */
  readonly sources: readonly Source[];
  /** The ABIs by which it was called; one name is allowed by all that the profile lists. */
  readonly abis: readonly Abi[];
  readonly first?: NonNullable<EvidenceCall['first']>;
}

export interface ExplainedGroup {
  readonly group: string;
  readonly calls: readonly ExplainedCall[];
}

/** What every name of a profile is for, by group, in the order of {@link FACT_GROUPS}; with evidence, who wanted it. */
export function explainProfile(profile: Profile, evidence?: Evidence): ExplainedGroup[] {
  const seen = new Map<string, EvidenceCall[]>();
  for (const call of evidence?.syscalls ?? []) seen.set(call.name, [...(seen.get(call.name) ?? []), call]);
  const names = sortedUnique(profile.syscalls.flatMap((rule) => rule.names));
  const calls = names.map((name) => explainName(name, profile, evidence && (seen.get(name) ?? [])));
  return [...FACT_GROUPS, UNKNOWN_GROUP]
    .map((group) => ({ group, calls: calls.filter(({ name }) => groupOf(name) === group) }))
    .filter((explained) => explained.calls.length > 0);
}

function groupOf(name: string): string {
  return syscallFact(name)?.group ?? UNKNOWN_GROUP;
}

function explainName(name: string, profile: Profile, seen: readonly EvidenceCall[] | undefined): ExplainedCall {
  const fact = syscallFact(name);
  const first = earliest(seen ?? []);
  const rules = profile.syscalls
    .filter((rule) => rule.names.includes(name))
    .map((rule) => ({ ...rule, names: [name] }));
  return {
    name,
    ...(fact && { purpose: fact.purpose }),
    ...(fact?.risk !== undefined && { risk: fact.risk }),
    rules: canonicalRules(rules),
    sources: seen ? sourcesOf(name, seen) : [],
    abis: [...new Set((seen ?? []).map((call) => call.abi))],
    ...(first && { first }),
  };
}

/** Evidence holds what was called; the base set is in a profile whether or not it was. */
function sourcesOf(name: string, seen: readonly EvidenceCall[]): Source[] {
  const told = [...new Set(seen.flatMap((call) => call.sources))];
  if (told.length > 0) return told;
  return (BASE_SYSCALLS as readonly string[]).includes(name) ? ['base'] : [];
}

/** What the workload did first is worth more than what its runtime did before. */
function earliest(seen: readonly EvidenceCall[]): EvidenceCall['first'] {
  const workload = seen.filter((call) => call.sources.includes('workload'));
  const [first] = (workload.length > 0 ? workload : seen)
    .flatMap((call) => call.first ?? [])
    .sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
  return first;
}
