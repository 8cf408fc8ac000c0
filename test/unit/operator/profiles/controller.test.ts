import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf, type NodeRollout } from '../../../../src/api/rollout.ts';
import type { NodeStatus, SeccompProfile } from '../../../../src/api/types.ts';
import { type KubeObject, NODES, PODS, pathOf } from '../../../../src/kube/object.ts';
import { DAEMONS } from '../../../../src/operator/daemon/watch.ts';
import { BINDINGS, NODE_STATUSES } from '../../../../src/operator/profiles/view.ts';
import type { ProfileObject } from '../../../../src/operator/recordings/instances.ts';
import { PROFILES } from '../../../../src/operator/recordings/reconciler.ts';
import { operate } from './operate.ts';
import { binding, nodeStatus, profile } from './samples.ts';

const OURS = 'spo.x-k8s.io/on-nodes';
const AGO = '2026-01-01T00:00:00Z';

test('a profile is Pending at once, held by one finalizer, and Installed when all nodes have it', async (context) => {
  const { run, put, tell, is, find } = await operate(context, ['n1', 'n2']);
  put(PROFILES, profile('web'));
  run();
  await is('web', 'Pending');
  tell('web', 'n1');
  tell('web', 'n2');
  await is('web', 'Installed');
  assert.deepEqual(find('web')?.metadata.finalizers, [OURS]);
  assert.equal(find('web')?.status?.conditions?.[0]?.status, 'True');
});

test('what the administrator does not allow is an Error that says why, until it is allowed', async (context) => {
  const { run, put, is, find } = await operate(context, ['n1']);
  const security = (allowedSyscalls: string[]) =>
    put(DAEMONS, {
      metadata: { name: 'spod', namespace: 'spo' },
      spec: { security: { allowedSyscalls } },
    } as KubeObject);
  const calls = (...names: string[]) => ({ syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] });
  security(['read']);
  put(PROFILES, profile('fine', {}, calls('read')));
  put(PROFILES, profile('off', {}, { ...calls('write'), state: 'Disabled' }));
  put(PROFILES, profile('web', {}, { ...calls('read'), baseProfileName: 'base' }));
  put(PROFILES, profile('base', {}, calls('write')));
  run();
  await is('web', 'Error');
  assert.equal(find('web')?.status?.conditions?.[0]?.message, 'syscall not allowed: write');
  await is('fine', 'Pending');
  await is('off', 'Disabled');
  security(['read', 'write']);
  await is('web', 'Pending');
});

test('a profile that is still recorded is left alone', async (context) => {
  const { run, put, is, find } = await operate(context, ['n1']);
  put(PROFILES, profile('rec', { labels: { 'spo.x-k8s.io/partial': 'true' } }));
  put(PROFILES, profile('web'));
  run();
  await is('web', 'Pending');
  assert.deepEqual([find('rec')?.metadata.finalizers, find('rec')?.status], [undefined, undefined]);
});

test('who uses a profile is told of it and of its bindings, which are held by that', async (context) => {
  const { run, put, tell, find, bound, until } = await operate(context, ['n1']);
  put(PROFILES, profile('web'));
  put(BINDINGS, binding('b', 'web'));
  put(BINDINGS, binding('elsewhere', 'web', 'other'));
  tell('web', 'n1', { status: 'Installed', activeWorkloads: ['shop/p'], pods: 1 });
  run();
  await until(() => bound('b')?.status?.pods === 1 && find('web')?.status?.pods === 1);
  assert.deepEqual(find('web')?.status?.activeWorkloads, ['shop/p']);
  assert.deepEqual(bound('b')?.status?.activeWorkloads, ['shop/p']);
  assert.deepEqual(bound('b')?.metadata.finalizers, ['active-workload-lock']);
  assert.equal(bound('elsewhere')?.metadata.finalizers, undefined);
  tell('web', 'n1');
  await until(() => bound('b')?.metadata.finalizers?.length === 0 && bound('b')?.status?.pods === undefined);
});

test('deleted while in use: Terminating and InUse until no pod has it, and gone behind the last node', async (context) => {
  const { run, put, tell, is, find, until, server } = await operate(context, ['n1', 'n2']);
  put(PROFILES, profile('web', { finalizers: [OURS, 'n1-deleted'], deletionTimestamp: AGO }));
  tell('web', 'n1', { status: 'Terminating', activeWorkloads: ['shop/p'], pods: 1 });
  tell('web', 'n2', { status: 'Terminating' });
  run();
  await is('web', 'Terminating');
  const inUse = () => find('web')?.status?.conditions?.find(({ type }) => type === 'InUse')?.status;
  assert.equal(inUse(), 'True');
  tell('web', 'n1', { status: 'Terminating' });
  await until(() => inUse() === 'False');
  assert.equal(find('web')?.metadata.finalizers?.length, 2);
  for (const node of ['n1', 'n2']) server.remove(NODE_STATUSES, `web-${node}`);
  await until(() => find('web')?.metadata.finalizers?.length === 0);
});

test('a pod that no node has yet keeps a profile too', async (context) => {
  const { run, put, tell, is, find } = await operate(context, ['n1']);
  const seccompProfile = { type: 'Localhost', localhostProfile: 'operator/web.json' };
  const waiting = {
    metadata: { name: 'p', namespace: 'shop' },
    spec: { nodeName: '', securityContext: { seccompProfile } },
  };
  put(PODS, waiting as KubeObject);
  put(PROFILES, profile('web', { finalizers: [OURS], deletionTimestamp: AGO }));
  tell('web', 'n1', { status: 'Terminating' });
  run();
  await is('web', 'Terminating');
  assert.equal(find('web')?.status?.conditions?.[1]?.status, 'True');
});

test('what a node told that was made anew since is of another one; its agent tells again', async (context) => {
  const { run, put, is, server } = await operate(context, ['n1']);
  const told = (creationTimestamp: string) => {
    const status = nodeStatus('web', 'n1');
    return { ...status, metadata: { ...status.metadata, uid: creationTimestamp, creationTimestamp } };
  };
  put(NODES, { metadata: { name: 'n1', uid: 'second', creationTimestamp: '2026-01-02T00:00:00Z' } } as KubeObject);
  put(PROFILES, profile('web'));
  put(NODE_STATUSES, told('2026-01-01T00:00:00Z'));
  run();
  await is('web', 'Pending');
  assert.equal(server.objects.all(pathOf(NODE_STATUSES)).length, 0);
  put(NODE_STATUSES, told('2026-01-02T00:00:01Z'));
  await is('web', 'Installed');
});

test('what a node that is gone told is removed, with SPO’s finalizer of it', async (context) => {
  const { run, put, tell, find, until, server } = await operate(context, ['n1']);
  put(PROFILES, profile('web', { finalizers: ['fake-node-deleted', 'n1-deleted', OURS], deletionTimestamp: AGO }));
  tell('web', 'fake-node', { status: 'Installed', pods: 3 });
  tell('web', 'n1', { status: 'Terminating' });
  run();
  await until(() => !find('web')?.metadata.finalizers?.includes('fake-node-deleted'));
  assert.deepEqual(find('web')?.metadata.finalizers, ['n1-deleted', OURS]);
  server.remove(NODES, 'n1');
  await until(() => find('web')?.metadata.finalizers?.length === 0);
  assert.equal(server.objects.all(pathOf(NODE_STATUSES)).length, 0);
});

const AUDIT = { mode: 'Audit', promoteAfter: '1m' };
const telling = (of: SeccompProfile, more: Partial<NodeRollout> = {}): NonNullable<NodeStatus['status']> => ({
  status: 'Installed',
  pods: 1,
  rollout: {
    ...{ digest: digestOf(of.spec), mode: 'Audit', stream: 'Alive', containers: 1 },
    ...{ cleanFrom: '2026-01-01T00:00:00.000Z', cleanUntil: '2026-01-01T00:01:00.000Z' },
    ...more,
  },
});
const mkdir = { syscall: 'mkdir', workload: 'n/Pod/p/c', count: 1, last: AGO };

test('a profile in Audit is promoted when it was clean for long enough, and that is told once', async (context) => {
  const { run, put, tell, until, find, told, server } = await operate(context, ['n1']);
  const web = profile('web', { generation: 2 }, { rollout: AUDIT });
  put(PROFILES, web);
  run();
  await until(() => find('web')?.status?.rollout?.mode === 'Audit');
  tell('web', 'n1', telling(web));
  await until(() => find('web')?.status?.rollout?.mode === 'Enforce');
  assert.equal(find('web')?.status?.enforced?.generation, 2);
  await until(() => told.length > 0);
  const writes = () => server.asked.filter(({ method }) => method === 'PATCH').length;
  const before = writes();
  tell('web', 'n1', telling(web));
  put(PROFILES, profile('other'));
  await until(() => find('other')?.status?.status === 'Pending');
  assert.equal(writes() - before, 2, 'of the other profile');
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /^web Normal Promoted: generation 2 is enforced from now on/);
});

test('what would be refused holds it until it is approved, which changes the profile by one write', async (context) => {
  const { run, put, tell, until, find, told, server } = await operate(context, ['n1']);
  const web = profile('web', { generation: 2 }, { rollout: AUDIT });
  put(PROFILES, web);
  tell('web', 'n1', telling(web, { denied: [mkdir] }));
  run();
  const clean = () => find('web')?.status?.conditions?.find(({ type }) => type === 'Clean');
  await until(() => clean()?.status === 'False');
  assert.deepEqual(find('web')?.status?.rollout?.denied, [mkdir]);
  const annotations = { 'spo.x-k8s.io/approve': 'mkdir,ptrace' };
  const now = find('web') as ProfileObject;
  put(PROFILES, { ...now, metadata: { ...now.metadata, annotations } });
  await until(() => find('web')?.spec.syscalls !== undefined);
  assert.deepEqual(find('web')?.spec.syscalls, [{ names: ['mkdir'], action: 'SCMP_ACT_ALLOW' }]);
  assert.equal(find('web')?.metadata.annotations?.['spo.x-k8s.io/approve'], undefined);
  const spec = server.asked.filter(({ method, path }) => method === 'PATCH' && path.endsWith('/web'));
  assert.equal(spec.length, 2, 'one for the finalizer');
  await until(() => told.length === 2);
  assert.match(told[0] ?? '', /Normal Approved: .*: mkdir$/);
  assert.match(told[1] ?? '', /Warning NotApproved: .*: ptrace$/);
  await until(() => find('web')?.status?.rollout?.denied === undefined);
  assert.equal(clean()?.status, 'Unknown');
});
