import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { NodeStatuses } from '../../../../src/agent/status/node-statuses.ts';
import { nodeStatusName } from '../../../../src/api/node-status.ts';
import type { NodeStatus } from '../../../../src/api/types.ts';
import { type KubeObject, pathOf } from '../../../../src/kube/object.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { serve } from '../../../support/kube.ts';
import { STATUSES } from '../install/support.ts';

const owner = { kind: 'SeccompProfile', name: 'web', uid: 'u' };
const told = (...pods: string[]) => ({ state: 'Installed' as const, generation: 1, pods });

/** Node statuses that run, and have been listed once. */
async function listed(context: TestContext) {
  const { server, client } = await serve(context);
  const clock = new FakeClock();
  const statuses = new NodeStatuses({ client, log: { info: () => {}, warn: () => {} }, node: 'n1', clock });
  const stop = new AbortController();
  const heard: string[] = [];
  statuses.onChange((key) => heard.push(key));
  const running = statuses.run(stop.signal);
  await statuses.synced;
  return { server, clock, statuses, stop, heard, running };
}

test('pods that come and go are told every five seconds, the first and the last at once', async (context) => {
  const { server, client } = await serve(context);
  const clock = new FakeClock();
  const statuses = new NodeStatuses({ client, log: { info: () => {}, warn: () => {} }, node: 'n1', clock });
  const { signal } = new AbortController();
  const put = (...pods: string[]) => statuses.put(owner, told(...pods), signal);
  const found = () => (server.objects.all(pathOf(STATUSES))[0] as unknown as NodeStatus & KubeObject).status;
  assert.equal(await put(), undefined);
  assert.equal(await put('n/a'), undefined);
  assert.equal(await put('n/a', 'n/b'), 5000);
  assert.deepEqual(found()?.activeWorkloads, ['n/a']);
  clock.advance(5000);
  assert.equal(await put('n/a', 'n/b'), undefined);
  assert.deepEqual([found()?.activeWorkloads, found()?.pods], [['n/a', 'n/b'], 2]);
  assert.equal(await put(), undefined);
  assert.deepEqual([found()?.activeWorkloads, found()?.pods], [undefined, undefined]);
});

test('nothing is written where nothing has changed; a new profile of the name gets a new status', async (context) => {
  const { server, client } = await serve(context);
  const statuses = new NodeStatuses({ client, log: { info: () => {}, warn: () => {} }, node: 'n1' });
  const { signal } = new AbortController();
  await statuses.put(owner, told(), signal);
  const before = server.asked.length;
  await statuses.put(owner, told(), signal);
  assert.equal(server.asked.length, before);
  await statuses.put({ ...owner, uid: 'another' }, told(), signal);
  const all = server.objects.all(pathOf(STATUSES));
  assert.deepEqual(
    all.map(({ metadata }) => metadata.ownerReferences?.[0]?.uid),
    ['another'],
  );
});

for (const [whose, uid, node, names] of [
  ['ours, whose creation was not answered', 'u', 'n1', ['web-n1']],
  ['of an earlier profile', 'old', 'n1', ['web-n1', nodeStatusName(owner, 'n1', true)]],
  ['of profile web-n1 on another node', 'u', 'other', ['web-n1', nodeStatusName(owner, 'n1', true)]],
] as const)
  test(`a status that is there already is ${whose}`, async (context) => {
    const { server, client } = await serve(context);
    const log = { info: () => {}, warn: () => {} };
    const ownerReferences = [{ apiVersion: 'v1', ...owner, uid }];
    server.put(STATUSES, { metadata: { name: 'web-n1', ownerReferences }, spec: { nodeName: node } });
    const statuses = new NodeStatuses({ client, log, node: 'n1' });
    await statuses.put(owner, told(), new AbortController().signal);
    const all = server.objects.all(pathOf(STATUSES)) as unknown as (NodeStatus & KubeObject)[];
    assert.deepEqual(
      all.map(({ metadata }) => metadata.name),
      names,
    );
    const { metadata, status } = all.at(-1) ?? assert.fail();
    assert.deepEqual(
      [status?.status, metadata.labels?.['spo.x-k8s.io/profile-state'], metadata.ownerReferences?.[0]?.uid],
      ['Installed', 'Installed', 'u'],
    );
  });

test('what somebody has done to a status is seen when they are listed again, or when it is written', async (context) => {
  const { server, clock, statuses, stop, heard, running } = await listed(context);
  await statuses.put(owner, told(), stop.signal);
  const status = () => server.objects.all(pathOf(STATUSES))[0] as unknown as (NodeStatus & KubeObject) | undefined;
  server.objects.adopt(pathOf(STATUSES), { ...status(), status: { status: 'Error' } } as unknown as KubeObject);
  const look = async () => {
    const before = heard.length;
    await clock.pass(150_000, 450_000);
    await clock.awaited(150_000, 450_000);
    return heard.slice(before);
  };
  assert.deepEqual(await look(), ['SeccompProfile/web']);
  await statuses.put(owner, told(), stop.signal);
  assert.equal(status()?.status?.status, 'Installed');
  assert.deepEqual(await look(), []);
  server.remove(STATUSES, 'web-n1');
  assert.deepEqual(await look(), ['SeccompProfile/web']);
  assert.equal(statuses.has('SeccompProfile', 'web'), false);
  await statuses.put(owner, told(), stop.signal);
  server.remove(STATUSES, 'web-n1');
  await assert.rejects(statuses.put(owner, told('n/p'), stop.signal), /404|not found/i);
  await statuses.put(owner, told('n/p'), stop.signal);
  assert.equal(status()?.status?.pods, 1);
  stop.abort();
  await running;
});

test('a list out of the API server’s memory, older than what was written, takes nothing away', async (context) => {
  const { server, clock, statuses, stop, heard, running } = await listed(context);
  const before = String(server.objects.version);
  await statuses.put(owner, told(), stop.signal);
  const body = JSON.stringify({ metadata: { resourceVersion: before }, items: [] });
  server.fail(({ method }) => method === 'GET', { status: 200, body });
  await clock.pass(150_000, 450_000);
  await clock.awaited(150_000, 450_000);
  assert.deepEqual([statuses.has('SeccompProfile', 'web'), heard], [true, []]);
  const [list] = server.asked.filter(({ method }) => method === 'GET');
  assert.deepEqual([list?.query.get('resourceVersion'), list?.query.get('limit')], ['0', null]);
  stop.abort();
  await running;
});
