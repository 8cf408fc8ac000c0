import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ClusterView, PodObject } from '../../../../src/agent/pods/cluster.ts';
import { Identities } from '../../../../src/agent/pods/identities.ts';
import { totalOf, withRun } from '../../../../src/agent/recording/container-record.ts';
import { Agent } from '../../../../src/agent/recording/ebpf-recorder.ts';
import { Journal } from '../../../../src/agent/recording/journal.ts';
import { Records } from '../../../../src/agent/recording/record-store.ts';
import { recordFor } from '../../../../src/agent/recording/selection.ts';
import { Store } from '../../../../src/kube/store.ts';
import { noSlot, type RecordedContainer, type Unrecorded } from '../../../../src/recording/ebpf/node-recorder.ts';
import { podObject, recording, run, status } from '../samples.ts';

/** A node whose kernel has recorded what the test says. */
function node(context: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-agent-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const synced = Promise.resolve();
  const stores = { pods: new Store<PodObject>(), recordings: new Store(), namespaces: new Store() };
  for (const store of Object.values(stores)) Object.assign(store, { synced, connected: true });
  const view = stores as unknown as ClusterView;
  const log = { info: () => {}, warn: () => {} };
  const identities = new Identities(log, []);
  const records = new Records(new Journal(directory), () => {});
  const told: string[] = [];
  const kernel = {
    slotless: [] as Unrecorded[],
    refused: 0,
    containers: [] as RecordedContainer[],
    calls: ['mkdir'],
    armed: false,
    ended: false,
  };
  const agent = new Agent(
    {
      ...{ view, identities, records, log },
      events: { event: (_about, _type, reason) => told.push(reason) },
      load: () => ({
        begin: () => {},
        adopt: () => kernel.slotless,
        arm: () => {
          kernel.armed = true;
        },
        disarm: () => {
          kernel.armed = false;
        },
        containers: () => kernel.containers,
        observe: () => ({ ...run(kernel.calls), processes: 1, reasons: [] }),
        release: (slot) => {
          kernel.containers = kernel.containers.filter((one) => one.slot !== slot);
        },
        losses: () => ({ noSlot: kernel.refused, membersFull: 0, busy: 0, unremoved: 0, skipped: 0 }),
        end: () => {
          kernel.ended = true;
        },
        [Symbol.dispose]: () => {},
      }),
    },
    { cgroups: '', cgroupRoot: '', pins: '', slots: 4 },
  );
  stores.namespaces.put('shop', { metadata: { name: 'shop' } });
  stores.recordings.put('shop/rec', recording());
  const see = (ended = false) => {
    stores.pods.put('shop/web', podObject({}, [status('one')]));
    kernel.containers = [{ slot: 0, generation: 1, containerId: 'one', podUid: 'pod-uid', ended }];
  };
  return { directory, stores, records, told, kernel, agent, see };
}

test('a container that a recording wants is recorded, and let go of when it has ended and is on disk', async (context) => {
  const { records, told, kernel, agent, see } = node(context);
  see();
  await agent.round();
  assert.ok(kernel.armed);
  assert.deepEqual(Object.keys(records.list()[0]?.current ?? {}), ['one']);
  see(true);
  await agent.round();
  assert.deepEqual([records.list()[0]?.done, kernel.containers, told], [1, [], []]);
});

test('a container that ended before its pod was told of waits for that, as long as nobody could tell it', async (context) => {
  context.mock.timers.enable({ apis: ['Date'] });
  const { stores, records, kernel, agent } = node(context);
  const orphan = { slot: 0, generation: 1, containerId: 'one', podUid: 'pod-uid', ended: true };
  kernel.containers = [orphan];
  Object.assign(stores.pods, { connected: false });
  for (let look = 0; look < 30; look += 1) {
    await agent.round();
    context.mock.timers.tick(10_000);
  }
  Object.assign(stores.pods, { connected: true });
  await agent.round();
  assert.deepEqual([kernel.containers, agent.unresolved], [[orphan], 0]);
  stores.pods.put('shop/web', podObject({}, [status('one', { terminated: { exitCode: 0 } })], 'Succeeded'));
  await agent.round();
  assert.deepEqual([records.list()[0]?.done, kernel.containers, agent.unresolved], [1, [], 0]);
});

test('a container that ended before its recording was told of waits for that, as long as nobody could tell it', async (context) => {
  context.mock.timers.enable({ apis: ['Date'] });
  const { stores, records, kernel, agent, see } = node(context);
  stores.recordings.remove('shop/rec');
  Object.assign(stores.recordings, { connected: false });
  see(true);
  for (let look = 0; look < 30; look += 1) {
    await agent.round();
    context.mock.timers.tick(9000);
  }
  Object.assign(stores.recordings, { connected: true });
  await agent.round();
  assert.equal(kernel.containers.length, 1);
  stores.recordings.put('shop/rec', recording());
  await agent.round();
  assert.deepEqual([records.list()[0]?.done, kernel.containers], [1, []]);
});

test('what nobody tells of is let go of in the end, and counted; at once where slots are scarce', async (context) => {
  context.mock.timers.enable({ apis: ['Date'] });
  const { kernel, agent } = node(context);
  const orphan = (slot: number) => ({ slot, generation: 1, containerId: `${slot}`, podUid: 'other', ended: true });
  kernel.containers = [orphan(0)];
  await agent.round();
  context.mock.timers.tick(61_000);
  await agent.round();
  assert.deepEqual([kernel.containers, agent.unresolved], [[], 1]);
  kernel.containers = [orphan(0), orphan(1), orphan(2)];
  await agent.round();
  assert.deepEqual([kernel.containers.length, agent.unresolved], [2, 2]);
});

test('on a full disk the kernel keeps what has ended, until it is on disk or handed in', async (context) => {
  context.mock.timers.enable({ apis: ['Date'] });
  const { directory, stores, records, kernel, agent, see } = node(context);
  // Nothing can be written below what is no directory.
  const fill = () => {
    rmSync(directory, { recursive: true });
    writeFileSync(directory, '');
  };
  fill();
  see(true);
  stores.pods.put('shop/web', podObject({}, [status('one', { terminated: { exitCode: 0 } })], 'Succeeded'));
  for (let round = 0; round < 3; round += 1) {
    await agent.round();
    context.mock.timers.tick(60_000);
  }
  const [record] = records.list();
  assert.deepEqual([record?.finished, kernel.containers.length], [true, 1]);
  rmSync(directory);
  mkdirSync(directory);
  await agent.round();
  context.mock.timers.tick(10_000);
  await agent.round();
  assert.deepEqual(kernel.containers, []);
  assert.equal(new Journal(directory).load(assert.fail)[0]?.done, 1);
  see(true);
  records.remove(record?.id ?? '');
  await agent.round();
  assert.equal(records.size, 0, 'what was handed in is not begun with anew');
});

test('what the log tells of the same container is another record, and is left alone', async (context) => {
  const { records, agent, see } = node(context);
  const logged = recordFor(recording({ recorder: 'Logs' }, { uid: 'logs' }), podObject(), 'front', 'runc');
  records.put(withRun(logged, 'gone', run(['rmdir']), false, 1));
  see();
  await agent.round();
  assert.deepEqual(
    records.list().map(({ recording: { recorder }, current }) => [recorder, Object.keys(current)]),
    [
      ['Logs', ['gone']],
      ['Bpf', ['one']],
    ],
  );
});

test('a container whose profile somebody deleted is not begun with anew while it runs', async (context) => {
  const { records, agent, kernel, see } = node(context);
  see();
  await agent.round();
  const id = records.list()[0]?.id ?? '';
  records.refused(id);
  kernel.calls = ['mkdir', 'rmdir'];
  await agent.round();
  assert.deepEqual([records.size, records.get(id)?.refused], [1, true]);
});

test('a run of which the kernel keeps nothing any more is folded in, with that reason', async (context) => {
  const { records, kernel, stores, agent, see } = node(context);
  see();
  await agent.round();
  // The machine was started anew: the container has another id.
  stores.pods.put('shop/web', podObject({ resourceVersion: '2' }, [status('two')]));
  kernel.containers = [];
  await agent.round();
  const [record] = records.list();
  assert.deepEqual([record?.current, record?.done, record?.finished], [{}, 1, false]);
  assert.deepEqual(record && totalOf(record).reasons.map(({ code }) => code), ['interrupted']);
  stores.pods.remove('shop/web');
  await agent.round();
  assert.equal(records.list()[0]?.finished, true);
});

test('programs are there while a namespace may be recorded, and calls are looked at while a recording wants them', async (context) => {
  const { stores, kernel, agent } = node(context);
  stores.recordings.remove('shop/rec');
  await agent.round();
  assert.deepEqual([kernel.armed, kernel.ended], [false, false]);
  stores.namespaces.remove('shop');
  await agent.round();
  assert.ok(kernel.ended);
});

test('an agent that starts where nothing may be recorded ends what an earlier one has left pinned', async (context) => {
  const { stores, kernel, agent } = node(context);
  stores.namespaces.remove('shop');
  await agent.round();
  assert.ok(kernel.ended);
});

test('told to end before it has seen the cluster, it ends', async (context) => {
  const { stores, agent } = node(context);
  const stop = new AbortController();
  stop.abort();
  Object.assign(stores.pods, { synced: Promise.reject(stop.signal.reason) });
  await agent.run(stop.signal);
});

test('a container without a slot has a record that says so, and goes on once it gets one', async (context) => {
  const { stores, records, told, kernel, agent, see } = node(context);
  stores.pods.put('shop/web', podObject({}, [status('one')]));
  kernel.slotless = [{ containerId: 'one', reason: noSlot(4) }];
  await agent.round();
  await agent.round();
  assert.deepEqual(told, ['NoSlot']);
  const reasons = () => records.list().flatMap((record) => totalOf(record).reasons.map(({ code }) => code));
  assert.deepEqual([reasons(), Object.keys(records.list()[0]?.current ?? {})], [['no-slot'], ['one']]);
  kernel.slotless = [];
  see();
  await agent.round();
  see(true);
  await agent.round();
  const [record] = records.list();
  assert.deepEqual([reasons(), record?.done, record && totalOf(record).calls.length], [['no-slot'], 1, 1]);
});

test('a container that the kernel refused is told with that reason; those that ended meanwhile were not for want of a slot', async (context) => {
  const { stores, records, told, kernel, agent } = node(context);
  const ended = status('short', { terminated: { exitCode: 0, finishedAt: new Date().toISOString() } });
  stores.pods.put('shop/web', podObject({}, [status('one'), ended]));
  kernel.slotless = [{ containerId: 'one', reason: { code: 'members-full', message: 'it could not be entered' } }];
  await agent.round();
  await agent.round();
  const reasons = records.list().flatMap((record) => totalOf(record).reasons.map(({ code }) => code));
  assert.deepEqual([told, reasons], [['NotRecorded'], ['members-full']]);
});

test('one that ran and ended while all slots were taken is not left out; one that was recorded is not told', async (context) => {
  const { stores, records, told, kernel, agent, see } = node(context);
  const ended = (id: string, ago: number) =>
    status(id, { terminated: { exitCode: 0, finishedAt: new Date(Date.now() - ago).toISOString() } });
  see();
  await agent.round();
  see(true);
  await agent.round();
  records.remove(records.list()[0]?.id ?? '');
  kernel.refused = 1;
  stores.pods.put('shop/web', podObject({ resourceVersion: '2' }, [ended('one', 0), ended('old', 60_000)]));
  await agent.round();
  assert.deepEqual([records.size, told], [0, []]);
  stores.pods.put('shop/web', podObject({ resourceVersion: '3' }, [ended('short', 0)]));
  await agent.round();
  const [record] = records.list();
  assert.deepEqual(
    [record?.ended, record && totalOf(record).reasons.map(({ code }) => code)],
    [['short'], ['no-slot']],
  );
  assert.ok(told.includes('NoSlot'));
});

test('a short container that had a slot is not told to have had none, though its status comes first', async (context) => {
  const { stores, told, kernel, agent, see } = node(context);
  see();
  await agent.round();
  kernel.refused = 1;
  see(true);
  const state = { terminated: { exitCode: 0, finishedAt: new Date().toISOString() } };
  stores.pods.put('shop/web', podObject({ resourceVersion: '2' }, [status('two', state)]));
  kernel.containers = [{ slot: 0, generation: 2, containerId: 'two', podUid: 'pod-uid', ended: true }];
  await agent.round();
  assert.deepEqual(told, []);
});
