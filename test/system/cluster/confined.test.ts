import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withRun } from '../../../src/agent/recording/container-record.ts';
import { profileOf } from '../../../src/agent/recording/partial-profile.ts';
import { ANNOTATIONS, LABELS, nodeLabel } from '../../../src/api/names.ts';
import { until } from '../../support/until.ts';
import { record, run } from '../../unit/agent/samples.ts';
import { NAMESPACE } from './installed.ts';
import { useCluster } from './use.ts';
import { CRDS, kubectlOf } from './webhooks.ts';

const BASE = fileURLToPath(new URL('../../../deploy/base/', import.meta.url));
const LONG = `ip-10-0-0-1.${'a'.repeat(45)}.region.compute.internal`;
/** The same up to where a label's value has to end. */
const OTHER = LONG.replace(/internal$/, 'example');
const SHORT = 'worker-1';
const REFUSED = /labelled with its own node/;

const cluster = useCluster(0, async () => {
  await kubectl('apply', '-k', CRDS);
  await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
  for (const file of ['namespace', 'agent-rights', 'agent-confined'])
    await kubectl('apply', '-f', `${BASE}${file}.yaml`);
  await kubectl('-n', NAMESPACE, 'create', 'serviceaccount', 'spod');
  for (const [index, node] of [SHORT, LONG, OTHER].entries()) {
    await create({ apiVersion: 'v1', kind: 'Node', metadata: { name: node } });
    await create(agentOn(node, index));
  }
});

const kubectl = (...args: string[]) => kubectlOf(cluster, args);
const create = (object: object) => kubectlOf(cluster, ['create', '-f', '-'], JSON.stringify(object));

/** No kubelet runs it: a token can be bound to it all the same. */
function agentOn(nodeName: string, index: number): object {
  const containers = [{ name: 'agent', image: 'none' }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `agent-${index}`, namespace: NAMESPACE },
    spec: { nodeName, serviceAccountName: 'spod', containers, tolerations: [{ operator: 'Exists' }] },
  };
}

/** Whoever has the token of that node's agent. */
async function agentOf(context: TestContext, index: number) {
  const bound = ['--bound-object-kind=Pod', `--bound-object-name=agent-${index}`];
  const token = (await kubectl('-n', NAMESPACE, 'create', 'token', 'spod', ...bound)).trim();
  return async (args: readonly string[], object?: object) => {
    const { stdout, stderr } = await cluster.asToken(context, token, args, object && JSON.stringify(object));
    return stdout + stderr;
  };
}

/** As the agent of that node writes it. */
function profile(name: string, node: string, labels: object = {}, annotations: object = {}): object {
  const made = profileOf(withRun(record(), 'one', run(['mkdir']), false, 1), name, node);
  const { metadata } = made;
  return {
    ...made,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, ...labels },
      annotations: { ...metadata.annotations, ...annotations },
    },
  };
}

test(
  'an agent writes its own node’s profiles, however long the node’s name, and no other’s',
  cluster.options,
  async (context) => {
    const [short, long, other] = [await agentOf(context, 0), await agentOf(context, 1), await agentOf(context, 2)];
    const named = { [ANNOTATIONS.nodeName]: LONG };
    // The API server takes a policy over some time behind its creation.
    await until('the policy refuses', async () =>
      REFUSED.test(await short(['create', '--dry-run=server', '-f', '-'], profile('x', LONG))),
    );
    const wrong: readonly [who: typeof short, what: object][] = [
      [short, profile('x', LONG)],
      [short, profile('x', SHORT, {}, named)],
      [short, profile('x', LONG, { [LABELS.nodeName]: SHORT })],
      [long, profile('x', SHORT)],
      [long, profile('x', OTHER)],
      [long, profile('x', OTHER, { [LABELS.nodeName]: nodeLabel(LONG) })],
      [long, profile('x', SHORT, { [LABELS.nodeName]: nodeLabel(LONG) })],
      [long, profile('x', SHORT, {}, named)],
      [other, profile('x', LONG)],
    ];
    for (const [who, what] of wrong)
      assert.match(await who(['create', '-f', '-'], what), REFUSED, JSON.stringify(what));
    assert.match(await short(['create', '-f', '-'], profile('of-short', SHORT)), /created/);
    assert.match(await long(['create', '-f', '-'], profile('of-long', LONG)), /created/);
    const patch = (name: string, annotations: object) => [
      'patch',
      'sp',
      name,
      '--type=merge',
      '-p',
      JSON.stringify({ metadata: { annotations } }),
    ];
    assert.match(await long(patch('of-long', { a: 'b' })), /patched/);
    assert.match(await short(patch('of-short', { a: 'b' })), /patched/);
    assert.match(await long(patch('of-long', { [ANNOTATIONS.nodeName]: null })), REFUSED);
    assert.match(await other(patch('of-long', { [ANNOTATIONS.nodeName]: OTHER })), REFUSED);
    assert.match(await short(patch('of-long', { a: 'c' })), REFUSED);
    assert.match(await long(patch('of-short', { a: 'c' })), REFUSED);
  },
);

test('an agent writes its own node’s report, and no other’s', cluster.options, async (context) => {
  const [short, long] = [await agentOf(context, 0), await agentOf(context, 1)];
  const report = (name: string, nodeName: string) => ({
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'SecurityProfileNodeReport',
    metadata: { name },
    spec: { nodeName },
  });
  const create = ['create', '-f', '-'];
  await until('the policy for reports refuses', async () =>
    /named as its node/.test(await short([...create, '--dry-run=server'], report(LONG, SHORT))),
  );
  assert.match(await short(create, report(LONG, LONG)), /its own node/);
  assert.match(await short(create, report('x', SHORT)), /named as its node/);
  assert.match(await short(create, report(SHORT, SHORT)), /created/);
  assert.match(await long(create, report(LONG, LONG)), /created/);
  // kubectl reads what it patches, which an agent need not.
  const reports = 'securityprofilenodereports.security-profiles-operator.x-k8s.io';
  await kubectl('create', 'clusterrole', 'reads', '--verb=get', `--resource=${reports},${reports}/status`);
  await kubectl('create', 'clusterrolebinding', 'reads', '--clusterrole=reads', `--serviceaccount=${NAMESPACE}:spod`);
  const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status: { total: 1 } })];
  assert.match(await long(['patch', 'spnr', LONG, ...patch]), /patched/);
  assert.match(await short(['patch', 'spnr', LONG, ...patch]), /its own node/);
});
