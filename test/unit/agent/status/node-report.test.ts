import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NodeReport as Reporter } from '../../../../src/agent/status/node-report.ts';
import type { NodeReport } from '../../../../src/api/types.ts';
import { PODS, pathOf } from '../../../../src/kube/object.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { serve } from '../../../support/kube.ts';
import { node, PROFILES, profile, REPORTS, user } from '../install/support.ts';

const ANNOTATIONS = { 'spo.x-k8s.io/node-reports': 'true' };
const AGO = '2026-01-01T00:00:00Z';
const RELEASED = {
  conditions: [{ type: 'InUse', status: 'False', reason: 'NoPods', message: '', lastTransitionTime: '' }],
};

/** Until it holds, while the report's pauses pass. */
async function passing(clock: FakeClock, until: (condition: () => boolean) => Promise<void>, condition: () => boolean) {
  let over = false;
  const pass = async () => {
    while (!over) await clock.pass(1, 10_000_000);
  };
  await Promise.race([until(condition), pass()]);
  over = true;
}

test('a profile is installed at once, and told of once the operator holds it', async (context) => {
  const { agent, put, is, file, tells, statuses } = await node(context);
  put(profile('web', {}, { finalizers: [] }));
  agent();
  await tells('web Normal SavedSeccompProfile');
  assert.ok(file('web'));
  put(profile('other'));
  await is('other', 'Installed');
  assert.equal(statuses().length, 1);
  put(profile('web'));
  await is('web', 'Installed');
});

test('many profiles are told of by one object and few writes', async (context) => {
  const clock = new FakeClock();
  const { agent, put, until, reported, statuses, server, told } = await node(context, clock);
  const names = Array.from({ length: 30 }, (_, index) => `web-${index}`);
  for (const name of names) put(profile(name, {}, { annotations: ANNOTATIONS }));
  put(profile('wrong', { baseProfileName: 'missing' }, { annotations: ANNOTATIONS }));
  agent();
  await passing(clock, until, () => [...names, 'wrong'].every((name) => reported(name) !== undefined));
  assert.deepEqual(reported('web-7'), { uid: 'uid-of-web-7', status: 'Installed', observedGeneration: 1 });
  assert.equal(reported('wrong')?.status, 'Error');
  assert.match(reported('wrong')?.message ?? '', /missing/);
  const [report] = server.objects.all(pathOf(REPORTS)) as unknown as NodeReport[];
  assert.equal(report?.metadata.name, 'node-1');
  assert.deepEqual([report?.status?.total, report?.status?.errors, statuses().length], [31, 1, 0]);
  const writes = server.asked.filter(({ method, path }) => method !== 'GET' && path.includes('nodereports'));
  assert.ok(writes.length < 10, `${writes.length} writes`);
  assert.equal(told.length, 1, 'events are of what went wrong');
});

test('who uses a profile is reported, and one that is deleted stays until nobody does', async (context) => {
  const clock = new FakeClock();
  const { agent, put, until, reported, file, server } = await node(context, clock);
  put(profile('web', {}, { annotations: ANNOTATIONS }));
  put(user('p', 'web'), PODS);
  agent();
  await passing(clock, until, () => reported('web')?.pods === 1);
  assert.deepEqual(reported('web')?.activeWorkloads, ['n/p']);
  put(profile('web', {}, { annotations: ANNOTATIONS, deletionTimestamp: AGO }));
  await passing(clock, until, () => reported('web')?.status === 'Terminating');
  assert.ok(file('web'));
  server.remove(PODS, 'n/p');
  await passing(clock, until, () => reported('web')?.pods === undefined);
  put({ ...profile('web', {}, { annotations: ANNOTATIONS, deletionTimestamp: AGO }), status: RELEASED } as never);
  await passing(clock, until, () => reported('web') === undefined);
  assert.equal(file('web'), undefined);
});

test('what is told of a profile moves where the operator says', async (context) => {
  const clock = new FakeClock();
  const { agent, put, is, until, gone, reported } = await node(context, clock);
  put(profile('web'));
  agent();
  await is('web', 'Installed');
  put(profile('web', {}, { annotations: ANNOTATIONS }));
  await passing(clock, until, () => reported('web')?.status === 'Installed');
  await gone('web');
  put(profile('web'));
  await is('web', 'Installed');
  await passing(clock, until, () => reported('web') === undefined);
});

test('a report that somebody took away is written anew; a new process writes nothing, and takes away what is gone', async (context) => {
  const clock = new FakeClock();
  const { agent, put, until, reported, file, server } = await node(context, clock);
  for (const name of ['a', 'b']) put(profile(name, {}, { annotations: ANNOTATIONS }));
  const first = agent();
  const all = () => reported('a')?.status === 'Installed' && reported('b')?.status === 'Installed';
  await passing(clock, until, all);
  server.remove(REPORTS, 'node-1');
  await until(() => !all());
  await passing(clock, until, all);
  await first.end();
  const writes = () => server.asked.filter(({ method }) => method !== 'GET').length;
  const before = writes();
  server.remove(PROFILES, 'a');
  agent();
  await passing(clock, until, () => reported('a') === undefined);
  assert.equal(file('a'), undefined);
  assert.equal(reported('b')?.status, 'Installed');
  assert.equal(writes() - before, 1);
});

for (const [how, refuses] of [
  ['answers', false],
  ['fails', true],
] as const)
  test(`an API server that ${how} after three seconds is left alone for ten times as long`, async (context) => {
    const { server, client } = await serve(context);
    const clock = new FakeClock();
    const report = new Reporter({ client, log: { info: () => {}, warn: () => {} }, node: 'n1', clock });
    const stop = new AbortController();
    const running = report.run(stop.signal);
    await report.synced;
    const slowly = ({ method }: { method: string }) => {
      if (method !== 'PATCH') return false;
      // Something that changes meanwhile is no reason not to wait.
      put('b');
      clock.advance(3000);
      return refuses;
    };
    server.fail(slowly, { status: 503 });
    const put = (name: string) =>
      report.put({ kind: 'SeccompProfile', name, uid: name }, { state: 'Installed', generation: 1, pods: [] });
    put('a');
    await clock.pass(200, 200);
    await clock.awaited(15_000, 45_000);
    assert.deepEqual(
      clock.pending.filter((milliseconds) => milliseconds < 15_000),
      [],
    );
    stop.abort();
    await running;
  });
