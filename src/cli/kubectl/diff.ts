import type { Command } from 'commander';
import type { SeccompProfile } from '../../api/types.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Profile } from '../../profile/seccomp/model.ts';
import { writeDiff } from '../diff.ts';
import { addClusterOptions, type ClusterOptions, withCluster } from './options.ts';

interface Options extends ClusterOptions {
  readonly json?: true;
}

export function register(program: Command): void {
  const command = program
    .command('diff')
    .description('Show the differences between two SeccompProfiles')
    .argument('<a>', 'its name')
    .argument('<b>', 'the other one’s')
    .option('--json', 'as JSON');
  addClusterOptions(command)
    .addHelpText(
      'after',
      '\nThe exit status is 0 if they say the same, 1 if not.\n\nExample:\n  $ kubectl syscribe diff web-nginx web-nginx-old',
    )
    .action(async (a: string, b: string, options: Options) => {
      process.exitCode = await run(a, b, options);
    });
}

async function run(a: string, b: string, options: Options): Promise<number> {
  const { PROFILES } = await import('../../kubectl/record.ts');
  const { toModel } = await import('../../profile/seccomp/resource.ts');
  const [left, right] = await withCluster(options, (client) => {
    const read = async (name: string): Promise<[string, Profile]> => [
      name,
      toModel(await client.get<SeccompProfile & KubeObject>(PROFILES, { name })),
    ];
    return Promise.all([read(a), read(b)]);
  });
  return writeDiff(left, right, options.json === true);
}
