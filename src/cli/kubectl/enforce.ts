import type { Command } from 'commander';
import { SyscribeError } from '../../platform/errors.ts';
import { EXIT } from '../exit.ts';
import { writeAll } from '../output.ts';
import { addClusterOptions, type ClusterOptions, withCluster } from './options.ts';

interface Options extends ClusterOptions {
  readonly profile?: string;
  readonly recording?: string;
  readonly container?: string[];
  readonly restart?: true;
}

const HELP = `
Profiles are bound to the images of the workload's containers, for its pods alone: each container gets the profile that
record made of it (RECORDING-CONTAINER), or all get the one that --profile names. Pods that run go on under what they began
with, until they are made anew (--restart).

Example:
  $ kubectl syscribe enforce deploy/web --restart`;

export function register(program: Command): void {
  const command = program
    .command('enforce')
    .description('Run the pods of a workload under its profiles')
    .argument('<workload>', 'deploy/NAME, sts/NAME or ds/NAME')
    .option('--profile <name>', 'a SeccompProfile for all of its containers')
    .option('--recording <name>', 'whose profiles are meant (default: the workload’s name)')
    .option('--container <name...>', 'these containers only')
    .option('--restart', 'make its pods anew, as kubectl rollout restart does');
  addClusterOptions(command)
    .addHelpText('after', HELP)
    .action(async (workload: string, options: Options) => {
      process.exitCode = await bind(workload, options);
    });
  const undo = program
    .command('undo')
    .description('Undo what enforce did for a workload')
    .argument('<workload>', 'deploy/NAME, sts/NAME or ds/NAME')
    .option('--restart', 'make its pods anew, as kubectl rollout restart does');
  addClusterOptions(undo)
    .addHelpText('after', '\nExample:\n  $ kubectl syscribe undo deploy/web --restart')
    .action(async (workload: string, options: Options) => {
      process.exitCode = await unbind(workload, options);
    });
}

async function bind(text: string, options: Options): Promise<number> {
  const { enforce, planOf } = await import('../../kubectl/enforce.ts');
  const { findWorkload, restart } = await import('../../kubectl/workload.ts');
  const { profile, recording, container = [] } = options;
  if (profile !== undefined && recording !== undefined)
    throw new SyscribeError('ERR_USAGE', '--profile and --recording both say which profile is meant', {
      remedy: 'Give one of them.',
    });
  await withCluster(options, async (client, namespace) => {
    const workload = await findWorkload(client, text, namespace);
    const plans = planOf(workload, (name) => profile ?? `${recording ?? workload.name}-${name}`, container);
    await enforce(client, workload, plans);
    for (const plan of plans) writeAll(1, `${plan.profile} is bound to ${plan.image} in pods of ${text}\n`);
    if (options.restart) await restart(client, workload, new Date());
    else writeAll(1, 'pods that run keep what they began with: kubectl rollout restart makes them anew\n');
  });
  return EXIT.ok;
}

async function unbind(text: string, options: Options): Promise<number> {
  const { undo } = await import('../../kubectl/enforce.ts');
  const { findWorkload, restart } = await import('../../kubectl/workload.ts');
  await withCluster(options, async (client, namespace) => {
    const workload = await findWorkload(client, text, namespace);
    const names = await undo(client, workload);
    writeAll(1, names.length === 0 ? `nothing was bound for ${text}\n` : `no longer bound: ${names.join(', ')}\n`);
    if (options.restart) await restart(client, workload, new Date());
  });
  return EXIT.ok;
}
