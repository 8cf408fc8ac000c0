import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { Suggestion } from '../../kubectl/suggest.ts';
import { EXIT } from '../exit.ts';
import { complain, writeAll } from '../output.ts';
import { painter } from '../render-style.ts';
import { parseList } from '../values.ts';
import {
  addClusterOptions,
  addOutputOption,
  type ClusterOptions,
  type OutputOptions,
  withCluster,
  writeStructured,
} from './options.ts';
import { deniedTable } from './rollouts.ts';

interface Options extends ClusterOptions, OutputOptions {
  readonly only?: string[];
  readonly approve?: true;
}

const HELP = `
What is let through by --approve is what the patch says: the operator adds it to the profile, which is rolled out again. The exit
status is 1 where there is something to be let through and it is not approved.

Example:
  $ kubectl syscribe suggest web-nginx --approve`;

export function register(kubectl: Command): void {
  const command = kubectl
    .command('suggest')
    .description('Show what a SeccompProfile refuses, or would, and the patch that allows it')
    .argument('<profile>', 'its name')
    .option('--only <calls>', 'these calls, commas between them (default: all seen)', (text) => parseList(text))
    .option('--approve', 'let them through');
  addOutputOption(addClusterOptions(command))
    .addHelpText('after', HELP)
    .action(async (name: string, options: Options) => {
      process.exitCode = await run(name, options);
    });
}

async function run(name: string, options: Options): Promise<number> {
  const { approveCalls, suggest } = await import('../../kubectl/suggest.ts');
  const suggestion = await withCluster(options, async (client) => {
    const found = await suggest(client, name, options.only ?? []);
    if (options.approve && found.calls.length > 0) await approveCalls(client, found);
    return found;
  });
  if (options.output) writeStructured(suggestion, options.output);
  else writeAll(1, render(suggestion));
  for (const call of suggestion.unseen) complain(`${call} was not seen to be refused, or has no name`);
  if (options.approve && suggestion.calls.length > 0) complain(`approved: ${suggestion.calls.join(', ')}`);
  return suggestion.calls.length > 0 && !options.approve ? EXIT.different : EXIT.ok;
}

function render({ profile, denied, left, patch }: Suggestion): string {
  if (denied.length + left === 0) return `nothing was seen that ${profile} refuses, or would\n`;
  const rows = deniedTable([{ profile, denied, left }], painter(), Date.now());
  return patch ? `${rows}\n${stringify(patch)}` : rows;
}
