import { type Command, Option } from 'commander';
import { addInstallationOptions, type ClusterOptions, withCluster } from './kubectl/options.ts';
import { writeAll } from './output.ts';
import { orRefused } from './refused.ts';
import { parseDuration } from './values.ts';

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
    .description('take over an installation of the Security Profiles Operator')
    .option('--dry-run', 'only tell what would be done')
    .addOption(
      new Option('--certificates <who>', 'who makes them from now on').choices(['own', 'cert-manager']).default('own'),
    )
    .option('--timeout <time>', 'so long recordings, and each step, may take', parseDuration, 600_000);
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
