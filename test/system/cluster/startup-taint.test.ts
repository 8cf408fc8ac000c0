import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../support/until.ts';
import { DIRECTORY } from './cluster.ts';
import { install, NAMESPACE } from './installed.ts';
import { pod, podSpec } from './manifests.ts';
import { Processes } from './processes.ts';
import { useCluster } from './use.ts';
import { kubectlOf } from './webhooks.ts';

const TAINT = 'spo.x-k8s.io/agent-not-ready';
const OPERATOR = `--as=system:serviceaccount:${NAMESPACE}:${NAMESPACE}`;
const cluster = useCluster(1, joinWithTaint);

const kubectl = (args: readonly string[], input?: string) => kubectlOf(cluster, args, input);
const read = (what: string, path: string) => kubectl(['get', ...what.split(' '), '-o', `jsonpath=${path}`]);

/** The node comes anew, as one does whose kubelet is told so by its settings. */
async function joinWithTaint(): Promise<void> {
  const processes = new Processes(DIRECTORY);
  const settings = join(DIRECTORY, 'node-1/kubelet.json');
  const stopped = await processes.stop(/^node-1-kubelet$/);
  const registerWithTaints = [{ key: TAINT, effect: 'NoSchedule' }];
  writeFileSync(settings, JSON.stringify({ ...JSON.parse(readFileSync(settings, 'utf8')), registerWithTaints }));
  await kubectl(['delete', 'node', 'node-1']);
  for (const { name, file, args } of stopped) processes.start(name, file, args);
  await kubectl(['wait', '--for=create', 'node/node-1', '--timeout=60s']);
  await kubectl(['wait', '--for=condition=Ready', 'node/node-1', '--timeout=60s']);
}

test('a node that joins takes no pods before its agent is ready, then it does', cluster.options, async () => {
  const spec = podSpec([{ name: 'c', script: 'exec sleep 1000' }]);
  await kubectl(['apply', '-f', '-'], JSON.stringify(pod('default', 'early', 'early', spec)));
  const refused = '{.status.conditions[?(@.reason=="Unschedulable")].message}';
  await until('the scheduler says why it waits', async () =>
    (await read('pod early', refused)).includes('untolerated taint'),
  );
  // All the other parts have to run on that node, too.
  await kubectl(['apply', '-k', 'deploy/startup-taint']);
  await install(kubectl);
  await kubectl(['wait', '--for=condition=Ready', 'pod/early', '--timeout=60s']);
  assert.doesNotMatch(await read('node node-1', '{.spec.taints[*].key}'), /agent-not-ready/);
  const time = (type: string) => `.status.conditions[?(@.type=="${type}")].lastTransitionTime}`;
  const ready = await read(`-n ${NAMESPACE} pod -l name=spod`, `{.items[0]${time('Ready')}`);
  assert.ok((await read('pod early', `{${time('PodScheduled')}`)) >= ready, 'it was there before the agent was ready');
});

test('of nodes, the operator may change nothing but that taint', cluster.options, async () => {
  const changes: readonly (readonly [object, object, RegExp])[] = [
    [{ labels: { pool: 'mine' } }, {}, /changes nothing of nodes but the taint/],
    [{ annotations: { mine: 'yes' } }, {}, /changes nothing of nodes but the taint/],
    [{}, { unschedulable: true }, /changes nothing of nodes but the taint|changes no other/],
    [{}, { taints: [{ key: 'mine', effect: 'NoSchedule' }] }, /changes no other/],
    [{}, { taints: [{ key: TAINT, effect: 'NoSchedule' }] }, /changes no other/],
  ];
  for (const [metadata, spec, message] of changes) {
    const node = JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1', ...metadata }, spec });
    // One request, for which the right to patch is enough.
    const apply = ['apply', '--server-side', '--field-manager=test', '--dry-run=server', '-f', '-'];
    const { code, stderr } = await cluster.kubectl([...apply, OPERATOR], node);
    assert.notEqual(code, 0, node);
    assert.match(stderr, message);
    await kubectl(apply, node);
  }
});
