import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { NAMESPACE, onSharedMachine, useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';

const PATIENCE = 60_000; // milliseconds
const cluster = useInstalledCluster();
const kubectl = (...args: string[]) => cluster.kubectl(args);

interface Line {
  readonly requestUID?: string;
  readonly cmdLine?: string;
  readonly syscalls?: readonly string[];
  readonly resource?: { readonly pod: string; readonly container: string; readonly namespace: string };
}

/** What the enricher has written of a command, which env may still be before; asked for again until it has, as nothing tells of a log's growth. */
async function written(cmdLine: string): Promise<Line> {
  let text = '';
  for (const end = Date.now() + PATIENCE; Date.now() < end; await setTimeout(200)) {
    text = await kubectl('-n', NAMESPACE, 'logs', 'daemonset/spod', '-c', 'json-enricher');
    const lines = text.split('\n').filter((line) => line.startsWith('{'));
    const found = lines.map((line): Line => JSON.parse(line)).find((line) => line.cmdLine?.trim().endsWith(cmdLine));
    if (found) return found;
  }
  throw new Error(`nothing was written of ${cmdLine}, but ${text.slice(-2000)}`);
}

const uidIn = (text: string) => /^SPO_EXEC_REQUEST_UID=(.+)$/m.exec(text)?.[1];
const exec = (...command: string[]) => kubectl('exec', '-n', 'exec', 'shell', '--', ...command);

test(
  'what an exec does is told with the request that began it; without the enricher, nobody is changed',
  cluster.options,
  async () => {
    const { apply, eyes } = cluster;
    await apply(namespace('exec'), recording('exec', 'logged', { recorder: 'Logs' }));
    await apply(pod('exec', 'shell', 'logged', podSpec([{ name: 'c', script: 'sleep 1000' }])));
    await eyes.pods.until(
      'exec/shell',
      ({ status }) => status?.containerStatuses?.every(({ ready }) => ready) ?? false,
    );
    assert.equal(uidIn(await exec('env')), undefined);

    const enricher = { enableJsonEnricher: true, jsonEnricherOptions: { auditLogIntervalSeconds: 1 } };
    await kubectl(
      '-n',
      NAMESPACE,
      'patch',
      'spod',
      'spod',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { enricher } }),
    );
    await kubectl('-n', NAMESPACE, 'wait', '--for=condition=ready', 'spod', 'spod', '--timeout=120s');
    await kubectl('-n', NAMESPACE, 'patch', 'daemonset', 'spod', '-p', onSharedMachine('json-enricher'));
    await kubectl('-n', NAMESPACE, 'rollout', 'status', 'daemonset/spod', '--timeout=120s');
    let uid: string | undefined;
    // The API server takes a configuration over, and the webhook its certificate into it, by watches of theirs.
    for (const end = Date.now() + PATIENCE; uid === undefined && Date.now() < end; await setTimeout(200))
      uid = uidIn(await exec('env'));
    assert.match(uid ?? '', /^[0-9a-f-]{36}$/);
    const forged = uidIn(await exec('env', 'SPO_EXEC_REQUEST_UID=forged'));
    assert.match(forged ?? '', /^[0-9a-f-]{36}$/);

    await exec('sleep', '3');
    const line = await written('sleep 3');
    assert.match(line.requestUID ?? '', /^[0-9a-f-]{36}$/);
    assert.deepEqual(line.resource, { pod: 'shell', container: 'c', namespace: 'exec' });
    assert.ok(
      line.syscalls?.some((name) => name.includes('nanosleep')),
      line.syscalls?.join(),
    );
  },
);
