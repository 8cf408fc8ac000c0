import { type Command, Option } from 'commander';
import { addInstallationOptions, type ClusterOptions, withCluster } from './kubectl/options.ts';
import { writeAll } from './output.ts';
import { orRefused } from './refused.ts';
import { durationOption } from './values.ts';

interface Options extends ClusterOptions {
  readonly dryRun?: true;
  readonly certificates: 'own' | 'cert-manager';
  readonly timeout: number;
}

const HELP = `
Makes room for syscribe where the Security Profiles Operator is installed: profiles, recordings, bindings and the files on nodes
stay, its processes go. Then install, and adopt once more. The exit status is 1 where nothing was done.

Examples:
  $ syscribe adopt --dry-run
  $ syscribe adopt`;

export function register(program: Command): void {
  const command = program
    .command('adopt')
    .description('Take over an installation of the Security Profiles Operator')
    .option('--dry-run', 'only report what would be done')
    .addOption(
      new Option('--certificates <who>', 'who makes them from now on').choices(['own', 'cert-manager']).default('own'),
    )
    .addOption(durationOption('--timeout <time>', 'timeout of recordings, and of each step', '10m'));
  addInstallationOptions(command)
    .addHelpText('after', HELP)
    .action(async ({ dryRun, certificates, timeout, ...options }: Options) => {
      const { adopt } = await import('../setup/adopt/adopt.ts');
      const say = (line: string) => writeAll(1, `${line}\n`);
      process.exitCode = await orRefused(() =>
        withCluster(options, (client, namespace) =>
          adopt(client, { dryRun: dryRun ?? false, certificates, namespace, timeout, say }),
        ),
      );
    });
}
