import type { Command } from 'commander';
import type { Check } from '../../kubectl/checks.ts';
import { EXIT } from '../exit.ts';
import { writeAll } from '../output.ts';
import { type Paint, painter, printable } from '../render-style.ts';
import {
  addClusterOptions,
  addOutputOption,
  type ClusterOptions,
  type OutputOptions,
  withCluster,
  writeStructured,
} from './options.ts';

const HELP = `
The exit status is 0 where all is well, 1 where something is wrong, 3 where something could not be told.

Example:
  $ kubectl syscribe doctor`;

export function register(program: Command): void {
  const command = program
    .command('doctor')
    .description('Find what keeps this cluster from recording and enforcing, with remedies');
  addOutputOption(addClusterOptions(command))
    .addHelpText('after', HELP)
    .action(async (options: ClusterOptions & OutputOptions) => {
      process.exitCode = await run(options);
    });
}

async function run(options: ClusterOptions & OutputOptions): Promise<number> {
  const { examine } = await import('../../kubectl/checks.ts');
  const { findOut } = await import('../../kubectl/findings.ts');
  const checks = examine(await withCluster(options, (client) => findOut(client)));
  if (options.output) writeStructured(checks, options.output);
  else writeAll(1, checks.map((check) => render(check, painter())).join(''));
  if (checks.some(({ state }) => state === 'wrong')) return EXIT.different;
  return checks.some(({ state }) => state === 'unknown') ? EXIT.couldNotTell : EXIT.ok;
}

const MARKS = { ok: ['green', 'ok   '], wrong: ['red', 'WRONG'], unknown: ['yellow', '?    '] } as const;

function render({ name, state, text, remedy }: Check, paint: Paint): string {
  const [style, mark] = MARKS[state];
  const line = `${paint(style, mark)}  ${printable(`${name}: ${text}`)}\n`;
  return remedy === undefined ? line : `${line}       remedy: ${printable(remedy)}\n`;
}
