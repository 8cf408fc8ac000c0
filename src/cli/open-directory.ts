import type { Command } from 'commander';
import { EXIT } from './exit.ts';

const HELP = `
To be run as the user that the Security Profiles Operator left its directory to (65535), before the agent, which is in that
user's group: neither of them needs a capability for it. A directory that belongs to somebody else is left as it is.

Example:
  $ syscribe open-directory /var/lib/security-profiles-operator`;

export function register(program: Command): void {
  program
    .command('open-directory', { hidden: true })
    .description('Let the agent write into a directory of the Security Profiles Operator')
    .argument('<path>', 'the directory')
    .addHelpText('after', HELP)
    .action(async (path: string) => {
      const { openToGroup } = await import('../agent/open-directory.ts');
      openToGroup(path);
      process.exitCode = EXIT.ok;
    });
}
