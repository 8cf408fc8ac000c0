import type { Command } from 'commander';
import type { ProfileBinding, ProfileRecording, SeccompProfile } from '../../api/types.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Overview } from '../../kubectl/overview.ts';
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
import { deniedTable, rolloutTable } from './rollouts.ts';
import { age, table } from './table.ts';

interface Options extends ClusterOptions, OutputOptions {
  readonly allNamespaces?: true;
}

const HELP = `
The exit status is 1 where a recording is not complete, a profile in trouble, a binding without effect or something refused, 0 otherwise.

Example:
  $ kubectl syscribe status -A`;

export function register(program: Command): void {
  const command = program
    .command('status')
    .description('Show recordings, profiles, roll-outs, denials and problems')
    .option('-A, --all-namespaces', 'of all namespaces, with profiles that nobody recorded');
  addOutputOption(addClusterOptions(command))
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      process.exitCode = await run(options);
    });
}

async function run(options: Options): Promise<number> {
  const { overview } = await import('../../kubectl/overview.ts');
  const { BINDINGS } = await import('../../kubectl/enforce.ts');
  const { all } = await import('../../kubectl/list.ts');
  const { PROFILES, RECORDINGS } = await import('../../kubectl/record.ts');
  const found = await withCluster(options, async (client, namespace) => {
    const only = options.allNamespaces ? undefined : namespace;
    const recordings = await all<ProfileRecording & KubeObject>(client, RECORDINGS, undefined, only);
    const bindings = await all<ProfileBinding & KubeObject>(client, BINDINGS, undefined, only);
    return overview(recordings, await all<SeccompProfile & KubeObject>(client, PROFILES), only, bindings);
  });
  if (options.output) writeStructured(found, options.output);
  else writeAll(1, render(found, painter(), Date.now()));
  const wrong = [...found.recordings, ...found.profiles, ...found.bindings].some(
    ({ problem }) => problem !== undefined,
  );
  return wrong ? EXIT.different : EXIT.ok;
}

function render({ recordings, profiles, bindings }: Overview, paint: Paint, now: number): string {
  const parts: string[] = [];
  if (recordings.length > 0)
    parts.push(
      table(
        ['NAMESPACE', 'RECORDING', 'RECORDER', 'PODS', 'SYSCALLS', 'NEWEST', 'COMPLETE'],
        recordings.map((row) => [
          ...[row.namespace, row.name, row.recorder, `${row.pods}`, `${row.syscalls}`],
          ...[age(row.newest, now), row.complete],
        ]),
        paint,
      ),
    );
  if (profiles.length > 0)
    parts.push(
      table(
        ['PROFILE', 'STATUS', 'SYSCALLS', 'RECORDED BY'],
        profiles.map((row) => [row.name, row.status, `${row.syscalls}`, row.recording ?? '']),
        paint,
      ),
    );
  const rollouts = profiles.flatMap(({ name, rollout }) => (rollout ? [{ profile: name, ...rollout }] : []));
  if (rollouts.length > 0) parts.push(rolloutTable(rollouts, paint));
  if (rollouts.some(({ denied, left }) => denied.length + left > 0)) parts.push(deniedTable(rollouts, paint, now));
  const problems = [
    ...recordings.flatMap(({ namespace, name, problem }) =>
      problem ? [`recording ${namespace}/${name}: ${problem}`] : [],
    ),
    ...profiles.flatMap(({ name, problem }) => (problem ? [`profile ${name}: ${problem}`] : [])),
    ...bindings.map(({ namespace, name, problem }) => `binding ${namespace}/${name}: ${problem}`),
  ];
  if (problems.length > 0)
    parts.push(`${problems.map((line) => paint('yellow', `! ${printable(line)}`)).join('\n')}\n`);
  return (
    parts.join('\n') || 'nothing is recorded here, and there are no profiles: kubectl syscribe record deploy/NAME\n'
  );
}
