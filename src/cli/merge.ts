import type { Command } from 'commander';
import { SyscribeError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { ProfileError } from '../profile/error.ts';
import { diffProfiles, isSame } from '../profile/seccomp/diff.ts';
import { mergeProfiles } from '../profile/seccomp/merge.ts';
import type { Profile } from '../profile/seccomp/model.ts';
import { renderProfile } from '../profile/seccomp/render.ts';
import { EXIT } from './exit.ts';
import { complain, writeAll } from './output.ts';
import { readProfile } from './profile-file.ts';

interface Options {
  readonly outputFile?: string;
  readonly check?: true;
}

const HELP = `
For every call the result does what the least restrictive of the profiles does. It has the first one's form (resource or
JSON) and name. With --check nothing is written: the exit status is 0 if the first profile already allows all that the
others do, else 1, and what it should be goes to standard error.

Example:
  $ syscribe merge -o nginx.yaml monday.yaml tuesday.yaml`;

export function register(program: Command): void {
  program
    .command('merge')
    .description('Merge profiles into one that allows what any of them does')
    .argument('<file...>', 'profiles: SeccompProfile resources or JSON for runc, Docker, Podman')
    .option('-o, --output-file <file>', 'where the result goes; standard output if absent')
    .option('-c, --check', 'tell whether merging the others into the first would change it')
    .addHelpText('after', HELP)
    .action((files: [string, ...string[]], options: Options) => {
      process.exitCode = merge(files, options);
    });
}

function refuse(message: string, remedy: string): never {
  throw new SyscribeError('ERR_USAGE', message, { remedy });
}

function merge(files: readonly [string, ...string[]], options: Options): number {
  if (options.check && files.length < 2) refuse('--check needs two profiles or more', 'Give those to compare with.');
  if (options.check && options.outputFile !== undefined) refuse('--check writes no file', 'Leave -o away.');
  const [first, ...others] = files;
  const { profile, form } = readProfile(first);
  const profiles: [Profile, ...Profile[]] = [profile, ...others.map((file) => readProfile(file).profile)];
  try {
    const merged = mergeProfiles(profiles);
    const text = renderProfile(merged, form);
    if (options.check) return check(first, mergeProfiles([profile]), merged, text);
    if (options.outputFile === undefined) writeAll(1, text);
    else writeFileAtomic(options.outputFile, text);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof ProfileError)) throw error;
    throw new SyscribeError('ERR_PROFILE_INVALID', `cannot merge ${files.join(', ')}: ${error.message}`);
  }
}

function check(file: string, before: Profile, after: Profile, text: string): number {
  if (isSame(diffProfiles(before, after))) {
    writeAll(1, `${file} is up to date\n`);
    return EXIT.ok;
  }
  complain(`${file} is not up to date; it should be:`);
  writeAll(2, text);
  return EXIT.different;
}
