import { ProfileError } from '../error.ts';
import { mergeProfiles } from './merge.ts';
import type { Profile, SyscallRule } from './model.ts';
import { oneByOne } from './resource.ts';

/** SPO's: a base of a base, so many times. */
const DEEPEST = 15;
const ARTIFACT = 'oci://';

/**
 * A profile with the calls of its base, and those of its base. Nothing but calls is inherited: what happens to those that none
 * of them lists is the profile's own. A call that both name gets the milder action, as in SPO.
 * @param find what is called so; undefined: there is none.
 * @throws ProfileError for a base that is missing, an artifact, a circle, or too deep a chain.
 */
export function withBases(name: string, profile: Profile, find: (name: string) => Profile | undefined): Profile {
  const chain = [name];
  let whole = profile;
  for (let next = profile.baseProfileName; next !== undefined && next !== ''; ) {
    if (next.startsWith(ARTIFACT))
      throw new ProfileError(`base profile ${next} is an artifact of a registry, which cannot be fetched yet`);
    if (chain.includes(next))
      throw new ProfileError(`base profiles go round in a circle: ${[...chain, next].join(' -> ')}`);
    if (chain.length > DEEPEST)
      throw new ProfileError(`more than ${DEEPEST} base profiles, one upon the other: ${chain.join(' -> ')}`);
    const base = find(next);
    if (!base)
      throw new ProfileError(`there is no base profile ${next} (of ${chain.at(-1)}), or it is still being recorded`);
    whole = withBase(whole, base);
    chain.push(next);
    next = base.baseProfileName;
  }
  return whole;
}

function withBase(profile: Profile, base: Profile): Profile {
  const [own, theirs] = [oneByOne(profile.syscalls), oneByOne(base.syscalls)];
  const [mine, others] = [namesOf(own), namesOf(theirs)];
  const both = (rules: readonly SyscallRule[]) =>
    rules.filter(({ names: [name = ''] }) => mine.has(name) && others.has(name));
  const { syscalls: shared } = mergeProfiles([
    { ...profile, syscalls: both(own) },
    // What the base does with calls that it does not name is not inherited.
    { ...profile, syscalls: both(theirs) },
  ]);
  const alone = [
    ...own.filter(({ names: [name = ''] }) => !others.has(name)),
    ...theirs.filter(({ names: [name = ''] }) => !mine.has(name)),
  ];
  const all = [...alone, ...oneByOne(shared)];
  return { ...profile, syscalls: all.toSorted((a, b) => ((a.names[0] ?? '') < (b.names[0] ?? '') ? -1 : 1)) };
}

function namesOf(rules: readonly SyscallRule[]): Set<string> {
  return new Set(rules.flatMap(({ names }) => names));
}
