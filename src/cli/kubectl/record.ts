import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { ProfileRecording, SeccompProfile } from '../../api/types.ts';
import { EXIT } from '../exit.ts';
import { complain, writeAll } from '../output.ts';
import { parseDuration } from '../values.ts';
import { addClusterOptions, type ClusterOptions, withCluster } from './options.ts';
import { age } from './table.ts';

interface Options extends ClusterOptions {
  readonly for?: number;
  readonly name?: string;
  readonly restart?: true;
}

const HELP = `
Labels the namespace, makes a ProfileRecording by eBPF that merges all pods, and deletes it at the end: by time, or by Ctrl-C.
What was recorded is merged then, and written to standard output. Pods that ran before are recorded from now on, and their
profile says that it is not all; --restart makes them anew. The exit status is 1 where nothing was recorded.

Example:
  $ kubectl syscribe record deploy/web --for 10m --restart`;

export function register(program: Command): void {
  const command = program
    .command('record')
    .description('Record the pods of a workload, and print the profiles they need')
    .argument('<workload>', 'deploy/NAME, sts/NAME or ds/NAME')
    .option('--for <time>', 'so long; default: until Ctrl-C', parseDuration)
    .option('--name <name>', 'of the recording (default: the workload’s); profiles are called NAME-CONTAINER')
    .option('--restart', 'make its pods anew, so that their start is recorded too');
  addClusterOptions(command)
    .addHelpText('after', HELP)
    .action(async (workload: string, options: Options) => {
      process.exitCode = await run(workload, options);
    });
}

async function run(text: string, options: Options): Promise<number> {
  const { recordWorkload } = await import('../../kubectl/record.ts');
  const { findWorkload } = await import('../../kubectl/workload.ts');
  const stop = new AbortController();
  // The second one ends this process as usual: the recording stays then.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const profiles = await withCluster(options, async (client, namespace) => {
    const workload = await findWorkload(client, text, namespace);
    return recordWorkload(client, workload, {
      name: options.name ?? workload.name,
      ...(options.for !== undefined && { time: options.for }),
      restart: options.restart ?? false,
      stop: stop.signal,
      progress: progressOf(),
      say: complain,
    });
  });
  if (profiles.length === 0) {
    complain('nothing was recorded: no pod of it ran, or nothing on its nodes records (kubectl syscribe doctor)');
    return EXIT.different;
  }
  writeAll(1, profiles.map((profile) => stringify(bare(profile))).join('---\n'));
  return EXIT.ok;
}

/** A line whenever something has changed: it is as good in a log as on a terminal. */
function progressOf(): (status: ProfileRecording['status']) => void {
  let last = '';
  return (status) => {
    const { pods = 0, syscalls = 0, newest } = status ?? {};
    const facts = `recording ${pods} pods, ${syscalls} syscalls`;
    if (facts === last) return;
    last = facts;
    complain(newest === undefined ? facts : `${facts}, the last new one ${age(newest, Date.now())} ago`);
  };
}

/** Without what the API server adds: it can be kept and applied elsewhere. */
function bare({ apiVersion, kind, metadata: { name }, spec }: SeccompProfile): object {
  return { apiVersion, kind, metadata: { name }, spec };
}
