/** Whole commands: a build and a start-up, bare, recorded and under strace. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Kernel } from './conditions.ts';
import type { Programs } from './programs.ts';
import { randomNumbers, shuffled } from './stats.ts';

const SYSCRIBE = fileURLToPath(new URL('../../bin/syscribe', import.meta.url));
const RECORD = [SYSCRIBE, 'record', '--output-file', '/dev/null', '--'];
const STRACE = ['strace', '-f', '-o', '/dev/null'];

/** One run of a command. */
export interface Run {
  readonly milliseconds: number;
  /** Of the biggest process. */
  readonly peakMebibytes: number;
}

export interface CommandRound {
  readonly bare: Run;
  readonly recorded: Run;
  /** Only in some rounds: it is slow. */
  readonly strace?: Run;
}

/** @param straced how many of the rounds also run the command under strace. */
export async function measureCommand(
  kernel: Kernel,
  programs: Programs,
  command: readonly string[],
  rounds: number,
  straced = 0,
): Promise<CommandRound[]> {
  const random = randomNumbers(rounds);
  const result: CommandRound[] = [];
  const undisturbed = (argv: readonly string[]) => kernel.undisturbed(async () => run(programs, argv));
  for (let round = 0; round < rounds; round++) {
    const runs: Partial<Record<keyof CommandRound, Run>> = {};
    for (const way of shuffled(['bare', 'recorded', 'strace'] as const, random)) {
      if (way === 'bare') runs.bare = await undisturbed(command);
      if (way === 'recorded') runs.recorded = await undisturbed([...RECORD, ...command]);
      if (way === 'strace' && round < straced) runs.strace = await undisturbed([...STRACE, ...command]);
    }
    result.push(runs as CommandRound);
  }
  return result;
}

export function run(programs: Programs, argv: readonly string[]): Run {
  const file = programs.path('measured');
  execFileSync(programs.path('measure'), [file, ...argv], { stdio: ['ignore', 'ignore', 'pipe'], env: environment() });
  const [nanoseconds = 0, kibibytes = 0] = readFileSync(file, 'utf8').split(' ').map(Number);
  return { milliseconds: nanoseconds / 1e6, peakMebibytes: kibibytes / 1024 };
}

/** Without what sudo sets: a recorded command would run as the user behind it, a bare one as root. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SUDO_')));
}

/** Writes a project of so many small C files; gives the command that builds it, one file after the other. */
export function makeBuild(programs: Programs, files: number): string[] {
  const directory = programs.path(`build${files}`);
  mkdirSync(directory);
  for (let index = 0; index < files; index++)
    writeFileSync(
      join(directory, `file${index}.c`),
      `#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n` +
        `int number${index}(const char *text) { return printf("%s ${index}\\n", text); }\n`,
    );
  const script = `for file in ${directory}/*.c; do gcc -O0 -c "$file" -o "\${file%.c}.o" || exit 1; done`;
  return ['sh', '-c', script];
}
