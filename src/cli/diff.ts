import type { Command } from 'commander';
import { machine } from '../kernel/abi.ts';
import { SyscribeError } from '../platform/errors.ts';
import { describeRule } from '../profile/seccomp/describe.ts';
import { diffProfiles, isSame, type ProfileDiff } from '../profile/seccomp/diff.ts';
import type { Profile, SyscallRule } from '../profile/seccomp/model.ts';
import { RUNTIME_DEFAULT_SOURCE, runtimeDefault } from '../profile/seccomp/runtime-default.ts';
import { EXIT } from './exit.ts';
import { writeAll } from './output.ts';
import { readProfile } from './profile-file.ts';
import { fill, type Paint, painter, printable, toJson } from './render-style.ts';

interface Options {
  readonly runtimeDefault?: true;
  readonly json?: true;
}

const HELP = `
The exit status is 0 if they say the same, 1 if not. --runtime-default compares with what Docker and containerd give to a
container without added capabilities (${RUNTIME_DEFAULT_SOURCE}, for this machine).

Example:
  $ syscribe diff nginx.yaml --runtime-default`;

export function register(program: Command): void {
  program
    .command('diff')
    .description('Show the differences between two profiles')
    .argument('<a>', 'a profile')
    .argument('[b]', 'another')
    .option('--runtime-default', "compare with the container runtimes' default profile")
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action((a: string, b: string | undefined, options: Options) => {
      process.exitCode = diff(a, b, options);
    });
}

/** The other profile with what to call it. */
function other(file: string | undefined, options: Options): [name: string, profile: Profile] {
  if ((file === undefined) !== (options.runtimeDefault === true)) {
    throw new SyscribeError('ERR_USAGE', 'two things to compare are needed', {
      remedy: 'Give two profiles, or one and --runtime-default.',
    });
  }
  if (file !== undefined) return [file, readProfile(file).profile];
  return ['RuntimeDefault', runtimeDefault(machine())];
}

function diff(a: string, b: string | undefined, options: Options): number {
  const left = readProfile(a).profile;
  return writeDiff([a, left], other(b, options), options.json === true);
}

/** Tells what two profiles, each with what to call it, say differently. @returns the exit status. */
export function writeDiff(
  a: [name: string, profile: Profile],
  b: [name: string, profile: Profile],
  json: boolean,
): number {
  const found = diffProfiles(a[1], b[1]);
  const same = isSame(found);
  if (json) writeAll(1, toJson({ a: a[0], b: b[0], same, ...found }));
  else writeAll(1, same ? `${a[0]} and ${b[0]} say the same\n` : renderDiff(found, a, b, painter()));
  return same ? EXIT.ok : EXIT.different;
}

type Side = readonly [name: string, profile: Profile];

/** Names that are plainly allowed stand side by side, others with what they do. */
function renderNames(names: readonly string[], profile: Profile): string {
  const rules = new Map<string, SyscallRule[]>(names.map((name) => [name, []]));
  for (const rule of profile.syscalls) for (const name of rule.names) rules.get(name)?.push(rule);
  const isPlain = (name: string) => rules.get(name)?.every((rule) => describeRule(rule) === 'SCMP_ACT_ALLOW') ?? false;
  const plain = names.filter(isPlain);
  const special = names.filter((name) => !isPlain(name));
  return [
    ...(plain.length > 0 ? [fill(plain)] : []),
    ...special.map((name) => `  ${name}: ${renderRules(rules.get(name) ?? [])}`),
  ].join('\n');
}

function renderRules(rules: readonly SyscallRule[]): string {
  return rules.map(describeRule).join('; ');
}

function renderDiff(diff: ProfileDiff, [a, left]: Side, [b, right]: Side, paint: Paint): string {
  const lines = [paint('red', `- ${a}`), paint('green', `+ ${b}`)];
  for (const { setting, a: before, b: after } of diff.settings) {
    lines.push(
      '',
      paint('bold', setting),
      paint('red', `- ${printable(before) || 'none'}`),
      paint('green', `+ ${printable(after) || 'none'}`),
    );
  }
  for (const [title, list] of [
    ['architectures', diff.architectures],
    ['flags', diff.flags],
  ] as const) {
    if (list.onlyA.length + list.onlyB.length === 0) continue;
    lines.push('', paint('bold', title));
    lines.push(...list.onlyA.map((entry) => paint('red', `- ${entry}`)));
    lines.push(...list.onlyB.map((entry) => paint('green', `+ ${entry}`)));
  }
  const { onlyA, onlyB } = diff.names;
  if (onlyA.length > 0)
    lines.push('', paint('bold', `only in ${a}: ${onlyA.length}`), paint('red', renderNames(onlyA, left)));
  if (onlyB.length > 0)
    lines.push('', paint('bold', `only in ${b}: ${onlyB.length}`), paint('green', renderNames(onlyB, right)));
  if (diff.changed.length > 0) lines.push('', paint('bold', `in both, differently: ${diff.changed.length}`));
  for (const change of diff.changed) {
    lines.push(`  ${change.name}`);
    lines.push(paint('red', `  - ${renderRules(change.a)}`), paint('green', `  + ${renderRules(change.b)}`));
  }
  return `${lines.join('\n')}\n`;
}
