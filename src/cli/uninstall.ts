import type { Command } from 'commander';
import { addInstallationOptions, type ClusterOptions, withCluster } from './kubectl/options.ts';
import { writeAll } from './output.ts';
import { orRefused } from './refused.ts';
import { durationOption } from './values.ts';

interface Options extends ClusterOptions {
  readonly keepFiles?: true;
  readonly force?: true;
  readonly timeout: number;
}

const HELP = `
All recordings, bindings and profiles are deleted: keep what you need before (kubectl get seccompprofiles -o yaml). It is
refused, with exit status 1, while pods use profiles. Where it was cut short, it may be done again.

Examples:
  $ syscribe uninstall
  $ syscribe uninstall --keep-files
  $ syscribe uninstall --force --timeout 1m`;

export function register(program: Command): void {
  const command = program
    .command('uninstall')
    .description('Remove syscribe from a cluster, with its files on nodes')
    .option('--keep-files', 'leave profiles on nodes, for the pods that use them')
    .option('--force', 'wait for no operator and no node that does not answer: take finalizers away')
    .addOption(durationOption('--timeout <time>', 'timeout of each step', '5m'));
  addInstallationOptions(command)
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      process.exitCode = await run(options);
    });
}

async function run({ keepFiles, force, timeout, ...options }: Options): Promise<number> {
  const { uninstall } = await import('../setup/uninstall/uninstall.ts');
  const say = (line: string) => writeAll(1, `${line}\n`);
  return orRefused(() =>
    withCluster(options, (client, namespace) =>
      uninstall(client, { keepFiles: keepFiles ?? false, force: force ?? false, namespace, timeout, say }),
    ),
  );
}
