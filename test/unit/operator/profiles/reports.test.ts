import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeObject, NODES, pathOf } from '../../../../src/kube/object.ts';
import { DAEMON_SETS } from '../../../../src/operator/daemon/daemon-set.ts';
import { NODE_REPORTS } from '../../../../src/operator/profiles/reports.ts';
import { BINDINGS } from '../../../../src/operator/profiles/view.ts';
import { PROFILES } from '../../../../src/operator/recordings/reconciler.ts';
import { operate } from './operate.ts';
import { binding, nodeReport, profile } from './samples.ts';

const OURS = 'spo.x-k8s.io/on-nodes';
const AGO = '2026-01-01T00:00:00Z';
const REPORTED = { annotations: { 'spo.x-k8s.io/node-reports': 'true' }, finalizers: [OURS] };

test('profiles for whose node statuses there is no room are told of in reports, and stay so', async (context) => {
  const { run, put, tell, is, find, server } = await operate(context, ['n1', 'n2'], 4);
  put(PROFILES, profile('first'));
  put(PROFILES, profile('last', { annotations: { mine: 'stays' } }));
  run();
  await is('first', 'Pending');
  await is('last', 'Pending');
  put(PROFILES, profile('more', { annotations: { mine: 'stays' } }));
  await is('more', 'Pending');
  const marks = ['first', 'last', 'more'].map(
    (name) => find(name)?.metadata.annotations?.['spo.x-k8s.io/node-reports'],
  );
  assert.deepEqual(marks, [undefined, undefined, 'true']);
  assert.deepEqual(find('more')?.metadata.annotations?.mine, 'stays');
  for (const node of ['n1', 'n2']) {
    put(NODE_REPORTS, nodeReport(node, { more: {} }));
    tell('first', node);
  }
  await is('first', 'Installed');
  await is('more', 'Installed');
  // There is room again, which is not for those that are there.
  server.remove(PROFILES, 'first');
  put(PROFILES, profile('next'));
  await is('next', 'Pending');
  assert.equal(find('next')?.metadata.annotations, undefined);
  assert.equal(find('more')?.metadata.annotations?.['spo.x-k8s.io/node-reports'], 'true');
});

test('nodes that do not answer will tell of profiles again: there has to be room for them too', async (context) => {
  const { run, put, is, find } = await operate(context, ['n1', 'n2'], 1);
  const status = { desiredNumberScheduled: 0, numberMisscheduled: 2 };
  put(DAEMON_SETS, { metadata: { name: 'spod', namespace: 'spo' }, status } as KubeObject);
  put(PROFILES, profile('first'));
  run();
  await is('first', 'Pending');
  assert.equal(find('first')?.metadata.annotations?.['spo.x-k8s.io/node-reports'], 'true');
});

test('what reports say of a profile is told of it: the worst state and why, who uses it', async (context) => {
  const { run, put, is, find, bound, until } = await operate(context, ['n1', 'n2']);
  put(PROFILES, profile('web', REPORTED));
  put(BINDINGS, binding('b', 'web'));
  put(NODE_REPORTS, nodeReport('n1', { web: { uid: 'of-an-earlier-one' } }));
  put(NODE_REPORTS, nodeReport('n2', { web: {} }));
  run();
  await is('web', 'Pending');
  const used = { activeWorkloads: ['shop/p'], pods: 1 };
  put(NODE_REPORTS, nodeReport('n1', { web: used, other: {} }));
  put(NODE_REPORTS, nodeReport('n2', { web: { status: 'Error', message: 'no room' } }));
  await is('web', 'Error');
  assert.equal(find('web')?.status?.conditions?.[0]?.message, 'n2: no room');
  assert.deepEqual([find('web')?.status?.activeWorkloads, find('web')?.status?.pods], [['shop/p'], 1]);
  await until(() => bound('b')?.status?.pods === 1);
  put(NODE_REPORTS, nodeReport('n2', { web: {} }));
  await is('web', 'Installed');
});

test('a profile that is deleted goes once no report has it any more', async (context) => {
  const { run, put, is, find, until } = await operate(context, ['n1', 'n2']);
  put(PROFILES, profile('web', { ...REPORTED, deletionTimestamp: AGO }));
  put(NODE_REPORTS, nodeReport('n1', { web: { status: 'Terminating', activeWorkloads: ['shop/p'], pods: 1 } }));
  put(NODE_REPORTS, nodeReport('n2', { web: { status: 'Terminating' } }));
  run();
  await is('web', 'Terminating');
  put(NODE_REPORTS, nodeReport('n1', { web: { status: 'Terminating' } }));
  await until(() => find('web')?.status?.conditions?.find(({ type }) => type === 'InUse')?.status === 'False');
  put(NODE_REPORTS, nodeReport('n1', {}));
  assert.deepEqual(find('web')?.metadata.finalizers, [OURS]);
  put(NODE_REPORTS, nodeReport('n2', {}));
  await until(() => find('web')?.metadata.finalizers?.length === 0);
});

test('the report of a node that is gone, or another by now, is removed and counts no more', async (context) => {
  const { run, put, is, until, server } = await operate(context, ['n1', 'n2']);
  put(NODES, { metadata: { name: 'n2', uid: 'second', creationTimestamp: '2026-01-02T00:00:00Z' } });
  put(PROFILES, profile('web', REPORTED));
  put(NODE_REPORTS, nodeReport('n1', { web: {} }));
  put(NODE_REPORTS, nodeReport('n2', { web: { status: 'Error' } }, { creationTimestamp: AGO }));
  put(NODE_REPORTS, nodeReport('gone', { web: { status: 'Error' } }));
  run();
  await is('web', 'Pending');
  const left = () => server.objects.all(pathOf(NODE_REPORTS)).map(({ metadata }) => metadata.name);
  await until(() => left().length === 1);
  put(NODE_REPORTS, nodeReport('n2', { web: {} }, { uid: 'new', creationTimestamp: '2026-01-02T00:00:01Z' }));
  await is('web', 'Installed');
  server.remove(NODES, 'n1');
  await until(() => left().join() === 'n2');
});
