import type { Command } from 'commander';
import type { SeccompProfile } from '../../api/types.ts';
import type { KubeObject } from '../../kube/object.ts';
import { EXIT } from '../exit.ts';
import { explainText } from '../explain.ts';
import { writeAll } from '../output.ts';
import { painter } from '../render-style.ts';
import { addClusterOptions, type ClusterOptions, withCluster } from './options.ts';

export function register(program: Command): void {
  const command = program
    .command('explain')
    .description('Explain what each call of a SeccompProfile does, and its risk')
    .argument('<profile>', 'its name');
  addClusterOptions(command)
    .addHelpText('after', '\nExample:\n  $ kubectl syscribe explain web-nginx')
    .action(async (name: string, options: ClusterOptions) => {
      process.exitCode = await run(name, options);
    });
}

async function run(name: string, options: ClusterOptions): Promise<number> {
  const { PROFILES } = await import('../../kubectl/record.ts');
  const { toModel } = await import('../../profile/seccomp/resource.ts');
  const profile = await withCluster(options, (client) => client.get<SeccompProfile & KubeObject>(PROFILES, { name }));
  writeAll(1, explainText(name, toModel(profile), painter()));
  return EXIT.ok;
}
