import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { SyscribeError } from '../platform/errors.ts';
import { ProfileError } from '../profile/error.ts';
import { describeDefault, describeRule } from '../profile/seccomp/describe.ts';
import { type Evidence, parseEvidence } from '../profile/seccomp/evidence.ts';
import { type ExplainedCall, type ExplainedGroup, explainProfile } from '../profile/seccomp/explain.ts';
import type { Profile } from '../profile/seccomp/model.ts';
import { EXIT } from './exit.ts';
import { writeAll } from './output.ts';
import { readProfile } from './profile-file.ts';
import { type Paint, painter, printable, toJson } from './render-style.ts';

interface Options {
  readonly evidence?: string;
  readonly json?: true;
}

const HELP = `
Calls marked ! weaken isolation.

Example:
  $ syscribe explain nginx.yaml --evidence nginx.evidence.json`;

export function register(program: Command): void {
  program
    .command('explain')
    .description('Explain what each call of a profile does, its risk, and which process made it')
    .argument('<file>', 'a profile')
    .option('--evidence <file>', 'what record --evidence wrote beside it')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action((file: string, options: Options) => {
      process.exitCode = explain(file, options);
    });
}

function readEvidence(file: string): Evidence {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SyscribeError('ERR_FILE_READ', `cannot read the evidence ${file}`, { cause });
  }
  try {
    return parseEvidence(text, file);
  } catch (error) {
    if (!(error instanceof ProfileError)) throw error;
    throw new SyscribeError('ERR_PROFILE_INVALID', error.message, { remedy: 'Give what record --evidence wrote.' });
  }
}

function explain(file: string, options: Options): number {
  const { profile, unknownNames } = readProfile(file);
  const evidence = options.evidence === undefined ? undefined : readEvidence(options.evidence);
  const groups = explainProfile(profile, evidence);
  if (options.json) {
    const { defaultAction, defaultErrnoRet, architectures, baseProfileName } = profile;
    writeAll(1, toJson({ file, defaultAction, defaultErrnoRet, architectures, baseProfileName, groups, unknownNames }));
    return EXIT.ok;
  }
  const paint = painter();
  const unknown = unknownNames.map((message) => `${paint('yellow', message)}\n`);
  writeAll(1, [explainText(file, profile, paint, evidence), ...unknown].join('\n'));
  return EXIT.ok;
}

/** What `explain` tells of a profile, for people. */
export function explainText(name: string, profile: Profile, paint: Paint, evidence?: Evidence): string {
  const groups = explainProfile(profile, evidence).flatMap((group) => renderGroup(group, evidence, paint));
  return `${[...head(name, profile, evidence), ...groups].join('\n')}\n`;
}

function head(file: string, profile: Profile, evidence: Evidence | undefined): string[] {
  const count = new Set(profile.syscalls.flatMap((rule) => rule.names)).size;
  const architectures = profile.architectures.join(', ') || "the machine's own architecture";
  const lines = [`${file}: ${count} calls, all others ${describeDefault(profile)}; ${architectures}`];
  if (profile.baseProfileName !== undefined)
    lines.push(`and those of its base ${printable(profile.baseProfileName)}, not shown here`);
  if (evidence) {
    const state = evidence.complete ? 'complete' : `partial: ${evidence.reasons.join('; ')}`;
    lines.push(
      printable(`recorded by ${evidence.recorder} on Linux ${evidence.kernel} (${evidence.machine}), ${state}`),
    );
  }
  return lines;
}

function renderGroup({ group, calls }: ExplainedGroup, evidence: Evidence | undefined, paint: Paint): string[] {
  return [
    '',
    paint('bold', `${group} (${calls.length})`),
    ...calls.flatMap((call) => renderCall(call, evidence, paint)),
  ];
}

function renderCall(call: ExplainedCall, evidence: Evidence | undefined, paint: Paint): string[] {
  const mark = call.risk === undefined ? ' ' : paint('red', '!');
  const told = [call.purpose ?? '', evidence ? paint('dim', `[${origin(call, evidence)}]`) : ''].filter(Boolean);
  const lines = [`${mark} ${call.name.padEnd(24)} ${told.join('  ')}`];
  const indent = ' '.repeat(27);
  if (call.risk !== undefined) lines.push(`${indent}${paint('red', `risk: ${call.risk}`)}`);
  for (const rule of call.rules) {
    const text = describeRule(rule);
    if (text !== 'SCMP_ACT_ALLOW') lines.push(`${indent}${paint('yellow', text)}`);
  }
  return lines;
}

/** Who wanted it: `nginx 4711`, `runtime`, `base`, and by which interface if not by the machine's own. */
function origin(call: ExplainedCall, evidence: Evidence): string {
  if (call.sources.length === 0) return 'not seen in this recording';
  const first = call.first ? `${printable(call.first.comm)} ${call.first.pid}` : '';
  const labels = call.sources.filter((source) => source !== 'workload' || first === '');
  const onlyForeign = call.abis.length > 0 && !call.abis.some((abi) => abi === evidence.machine);
  return [first, ...labels, ...(onlyForeign ? [`only as ${call.abis.join(', ')}`] : [])].filter(Boolean).join(', ');
}
