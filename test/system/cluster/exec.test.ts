import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { until } from '../../support/until.ts';
import { NAMESPACE, onSharedMachine, useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';

const cluster = useInstalledCluster();
const kubectl = (...args: string[]) => cluster.kubectl(args);

interface Line {
  readonly requestUID?: string;
  readonly cmdLine?: string;
  readonly syscalls?: readonly string[];
  readonly resource?: { readonly pod: string; readonly container: string; readonly namespace: string };
}

/**
 * The line in which a command made a call; env may stand before it, and what it called before that may be in a line of an earlier interval.
 * Asked for again until it is there, as nothing tells of a log's growth.
 */
async function written(cmdLine: string, call: RegExp): Promise<Line> {
  return until(`a line of ${cmdLine} with ${call}`, async () => {
    const text = await kubectl('-n', NAMESPACE, 'logs', 'daemonset/spod', '-c', 'json-enricher');
    const lines = text.split('\n').filter((line) => line.startsWith('{'));
    return lines
      .map((line): Line => JSON.parse(line))
      .find((line) => line.cmdLine?.trim().endsWith(cmdLine) && line.syscalls?.some((name) => call.test(name)));
  });
}

const DIRECTORY = '/var/log/syscribe-test';
after(() => rmSync(DIRECTORY, { recursive: true, force: true }));

/** Changes the JSON enricher, and waits until it is so. */
async function set(enricher: object): Promise<void> {
  const spod = ['-n', NAMESPACE, 'patch', 'spod', 'spod', '--type=merge'];
  await kubectl(...spod, '-p', JSON.stringify({ spec: { enricher } }));
  await kubectl('-n', NAMESPACE, 'wait', '--for=condition=ready', 'spod', 'spod', '--timeout=120s');
}

const uidIn = (text: string) => /^SPO_EXEC_REQUEST_UID=(.+)$/m.exec(text)?.[1];
const exec = (...command: string[]) => kubectl('exec', '-n', 'exec', 'shell', '--', ...command);

test(
  'what an exec does is told with the request that began it; without the enricher, nobody is changed',
  cluster.options,
  async () => {
    const { apply, eyes } = cluster;
    await apply(namespace('exec'), recording('exec', 'logged', { recorder: 'Logs' }));
    await apply(pod('exec', 'shell', 'logged', podSpec([{ name: 'c', script: 'while :; do sleep 1; done' }])));
    await eyes.pods.until(
      'exec/shell',
      ({ status }) => status?.containerStatuses?.every(({ ready }) => ready) ?? false,
    );
    assert.equal(uidIn(await exec('env')), undefined);

    await set({ enableJsonEnricher: true, jsonEnricherOptions: { auditLogIntervalSeconds: 1 } });
    await kubectl('-n', NAMESPACE, 'patch', 'daemonset', 'spod', '-p', onSharedMachine('json-enricher'));
    await kubectl('-n', NAMESPACE, 'rollout', 'status', 'daemonset/spod', '--timeout=120s');
    // The API server takes a configuration over, and the webhook its certificate into it, by watches of theirs.
    const uid = await until('what is executed has a UID', async () => uidIn(await exec('env')));
    assert.match(uid, /^[0-9a-f-]{36}$/);
    const forged = uidIn(await exec('env', 'SPO_EXEC_REQUEST_UID=forged'));
    assert.match(forged ?? '', /^[0-9a-f-]{36}$/);

    await exec('sleep', '3');
    const line = await written('sleep 3', /nanosleep/);
    assert.match(line.requestUID ?? '', /^[0-9a-f-]{36}$/);
    assert.deepEqual(line.resource, { pod: 'shell', container: 'c', namespace: 'exec' });
  },
);

test('a pod that debugs a node carries the UID of its request', cluster.options, async () => {
  const debug = ['debug', 'node/node-1', '--image=syscribe.test/busybox:1', '--image-pull-policy=Never', '--', 'env'];
  const [name = ''] = /node-debugger-\S+/.exec(await kubectl(...debug)) ?? [];
  await cluster.ended(`default/${name}`);
  assert.match(uidIn(await kubectl('logs', name)) ?? '', /^[0-9a-f-]{36}$/);
});

test('lines go to a file on the node, those alone that the filter keeps', cluster.options, async (context) => {
  context.after(() => cluster.resetDaemon());
  const file = `${DIRECTORY}/spo/audit.log`;
  const rules = [
    { priority: 1, level: 'Metadata', matchKeys: ['requestUID'] },
    { priority: 2, level: 'None', matchKeys: ['version'] },
  ];
  const jsonEnricherOptions = { auditLogIntervalSeconds: 1, auditLogPath: file, auditLogMaxSize: 1 };
  await set({ jsonEnricherOptions, jsonEnricherFilters: JSON.stringify(rules) });
  await kubectl('-n', NAMESPACE, 'rollout', 'status', 'daemonset/spod', '--timeout=120s');
  await exec('sh', '-c', 'sleep 2');
  const lines = () => (existsSync(file) ? readFileSync(file, 'utf8') : '').split('\n').filter(Boolean);
  await until('the line is in the file', () =>
    lines().some((line) => (JSON.parse(line) as Line).cmdLine?.includes('sleep 2')),
  );
  // What the pod does by itself is logged, too.
  for (const line of lines()) assert.match((JSON.parse(line) as Line).requestUID ?? '', /^[0-9a-f-]{36}$/);
  await cluster.remove('-n', 'exec', 'pod', 'shell');
});
