import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { LeaderElection } from '../../../src/kube/lease.ts';
import { LEASES, pathOf } from '../../../src/kube/object.ts';
import { Changes } from '../../support/changes.ts';
import type { Asked } from '../../support/fake-api-server.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { serve } from '../../support/kube.ts';

const isWrite = ({ method }: Asked) => method !== 'GET';
/** Between attempts to take it, and to renew it. */
const TAKE = [1000, 3000] as const;
const RENEW = 2000;

async function setUp(context: TestContext) {
  const { server, client } = await serve(context);
  const changes = new Changes();
  const leading = new Set<string>();
  /** Leads until it is told to end. */
  const join = (identity: string) => {
    const clock = new FakeClock();
    const stop = new AbortController();
    let reason: unknown;
    const election = new LeaderElection(client, { namespace: 'n', name: 'l', identity, clock });
    const running = election.run(stop.signal, async (signal) => {
      assert.equal(leading.size, 0);
      leading.add(identity);
      changes.tell();
      if (!signal.aborted) await once(signal, 'abort');
      reason = signal.reason;
      leading.delete(identity);
      changes.tell();
    });
    running.catch(() => {});
    context.after(async () => {
      stop.abort();
      await running.catch(() => {});
    });
    const until = (is: boolean) => changes.until(() => leading.has(identity) === is);
    return { clock, stop, running, until, reason: () => reason };
  };
  const spec = () => server.objects.get(pathOf(LEASES), 'n/l').spec as Record<string, unknown>;
  const asked = (count: number) => server.changes.until(() => server.asked.length >= count);
  return { server, join, spec, asked, leading };
}

test('the first takes the lease, renews it, and gives it back at its end', async (context) => {
  const { server, join, spec } = await setUp(context);
  const first = join('first');
  await first.until(true);
  const { acquireTime, renewTime, ...others } = spec();
  assert.deepEqual(others, { holderIdentity: 'first', leaseDurationSeconds: 15, leaseTransitions: 0 });
  assert.match(String(renewTime), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  const before = server.objects.version;
  await first.clock.pass(RENEW, RENEW);
  await server.changes.until(() => server.objects.version > before);
  assert.equal(spec().acquireTime, acquireTime);
  first.stop.abort();
  await first.running;
  assert.deepEqual([spec().holderIdentity, spec().leaseDurationSeconds], ['', 1]);
});

test('another waits while it is renewed, and takes it when it is given back', async (context) => {
  const { server, join, spec, leading } = await setUp(context);
  const first = join('first');
  await first.until(true);
  const second = join('second');
  while (second.clock.now() < 60_000) {
    const { version } = server.objects;
    await first.clock.pass(RENEW, RENEW);
    await server.changes.until(() => server.objects.version > version);
    await second.clock.pass(...TAKE);
    // Its attempt is over, before the next renewal could come in between.
    await Promise.race([second.running, second.clock.awaited(...TAKE)]);
  }
  assert.deepEqual([...leading], ['first']);
  first.stop.abort();
  await first.running;
  await second.clock.pass(...TAKE);
  await second.until(true);
  assert.deepEqual([spec().holderIdentity, spec().leaseTransitions], ['second', 1]);
});

test('a lease that was seen unchanged for its duration is taken, whatever times stand in it', async (context) => {
  const { server, join } = await setUp(context);
  for (const renewTime of ['2000-01-01T00:00:00.000000Z', '2100-01-01T00:00:00.000000Z']) {
    const spec = { holderIdentity: 'dead', leaseDurationSeconds: 30, renewTime, acquireTime: renewTime };
    server.put(LEASES, { metadata: { namespace: 'n', name: 'l' }, spec });
    const next = join('next');
    let waited = 0;
    while (waited < 30_000) {
      assert.equal(server.asked.some(isWrite), false, `taken behind ${waited} ms`);
      waited += await next.clock.pass(...TAKE);
    }
    await next.until(true);
    next.stop.abort();
    await next.running;
    server.asked.length = 0;
  }
});

test('one that the server keeps from renewing stops in time, and says why', async (context) => {
  const { server, join } = await setUp(context);
  const first = join('first');
  await first.until(true);
  for (let time = 0; time < 10; time++) server.fail(() => true, { status: 503 });
  let waited = 0;
  while (waited < 10_000) waited += await first.clock.pass(RENEW, RENEW);
  await first.until(false);
  await assert.rejects(first.running, {
    code: 'ERR_KUBE_LEASE_LOST',
    message: /n\/l is lost: not renewed for 10000 ms/,
  });
  assert.match(String(first.reason()), /is lost/);
});

test('a renewal that gets no answer is given up when leading must end', async (context) => {
  const { server, join } = await setUp(context);
  const first = join('first');
  await first.until(true);
  server.fail(isWrite, 'silent');
  await first.clock.pass(RENEW, RENEW);
  await first.clock.pass(8000, 8000);
  await first.until(false);
  await assert.rejects(first.running, { code: 'ERR_KUBE_LEASE_LOST', message: /not renewed/ });
});

test('one whose lease another holds stops at once', async (context) => {
  const { server, join, spec } = await setUp(context);
  const first = join('first');
  await first.until(true);
  server.put(LEASES, { metadata: { namespace: 'n', name: 'l' }, spec: { ...spec(), holderIdentity: 'thief' } });
  await first.clock.pass(RENEW, RENEW);
  await assert.rejects(first.running, { code: 'ERR_KUBE_LEASE_LOST', message: /another process/ });
  assert.equal(spec().holderIdentity, 'thief');
});

test('a change by another that leaves the holder, and a deleted lease, are no loss', async (context) => {
  const { server, join, leading, asked, spec } = await setUp(context);
  const first = join('first');
  await first.until(true);
  server.put(LEASES, { metadata: { namespace: 'n', name: 'l', labels: { a: 'b' } }, spec: spec() });
  server.asked.length = 0;
  await first.clock.pass(RENEW, RENEW);
  await asked(3); // refused, read, written
  server.remove(LEASES, 'n/l');
  server.asked.length = 0;
  await first.clock.pass(RENEW, RENEW);
  await asked(3); // not found, not found, created
  assert.equal(spec().holderIdentity, 'first');
  assert.deepEqual([...leading], ['first']);
});

test('who does not end when its lease is lost is not waited for longer than the lease lasts', async (context) => {
  const { server, client } = await serve(context);
  const clock = new FakeClock();
  const never = new AbortController();
  const { promise: led, resolve } = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const election = new LeaderElection(client, { namespace: 'n', name: 'l', identity: 'stuck', clock });
  const running = election.run(never.signal, () => {
    begun.resolve();
    return led;
  });
  running.catch(() => {});
  await begun.promise;
  server.put(LEASES, { metadata: { namespace: 'n', name: 'l' }, spec: { holderIdentity: 'other' } });
  await clock.pass(RENEW, RENEW);
  await clock.pass(5000, 5000);
  await assert.rejects(running, { code: 'ERR_KUBE_LEASE_LOST' });
  resolve();
});

test('it is renewed until what leads has ended, and what that throws is thrown', async (context) => {
  const { server, client } = await serve(context);
  const clock = new FakeClock();
  const stop = new AbortController();
  const { promise: led, reject } = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const election = new LeaderElection(client, { namespace: 'n', name: 'l', identity: 'slow', clock });
  const running = election.run(stop.signal, () => {
    begun.resolve();
    return led;
  });
  await begun.promise;
  stop.abort();
  const writes = server.asked.filter(isWrite).length;
  await clock.pass(RENEW, RENEW);
  await server.changes.until(() => server.asked.filter(isWrite).length > writes);
  reject(new Error('mine'));
  await assert.rejects(running, /mine/);
  assert.equal((server.objects.get(pathOf(LEASES), 'n/l').spec as { holderIdentity: string }).holderIdentity, '');
});

test('of two that find no lease one leads', async (context) => {
  const { join, leading, asked } = await setUp(context);
  const both = [join('first'), join('second')];
  await Promise.race(both.map(({ until }) => until(true)));
  await asked(4);
  for (const { clock } of both) assert.ok((await clock.pass(1000, 3000)) >= 1000);
  assert.equal(leading.size, 1);
});
