import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeCounters, decodeState, EVENT_SIZE, NO_SLOT } from '../../src/capture/ebpf/layout.ts';
import { type Native, type NativeRecorder, native } from '../../src/capture/native.ts';
import { until } from '../support/until.ts';
import { alive, descriptors, finish, heldBpf, LOAD, listening, PROGRAMS, residentMegabytes, START } from './support.ts';

const LIMIT = { timeout: 60_000 };

/** What may be done to a recorder between load and close, in every order. */
const STEPS: Readonly<Record<string, (recorder: NativeRecorder) => void>> = {
  attach: (recorder) => native().attach(recorder, 'syscribe_enter'),
  listen: (recorder) => native().listen(recorder, () => {}),
  close: (recorder) => native().close(recorder),
};

function orders<Item>(items: readonly Item[]): Item[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) => orders(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));
}

suite('a recorder', LIMIT, () => {
  for (const order of orders(['attach', 'listen', 'close', 'close']))
    test(`load, ${order.join(', ')}`, () => {
      const before = descriptors().length;
      const recorder = native().load(LOAD);
      let closed = false;
      for (const step of order) {
        const run = () => STEPS[step]?.(recorder);
        if (closed && step !== 'close') assert.throws(run, { name: 'TypeError', message: /closed/ });
        else run();
        closed ||= step === 'close';
      }
      assert.equal(descriptors().length, before);
    });

  test('a second listener is refused, and the first goes on', async () => {
    let events = 0;
    const recorder = listening(() => assert.fail('nothing is tagged'));
    assert.throws(() => native().listen(recorder, () => {}), { operation: 'listen' });
    native().close(recorder);
    const again = native().load({ ...LOAD, reportProcesses: true });
    native().listen(again, (buffer) => {
      events += buffer.length / EVENT_SIZE;
    });
    assert.throws(() => native().listen(again, () => {}), { operation: 'listen' });
    const { child, exited } = await record(again);
    await until('an event', () => events > 0);
    await exited;
    native().release(child);
    native().close(again);
  });

  test('a program can be attached twice, and sixteen times at most', () => {
    const recorder = native().load(LOAD);
    for (let count = 0; count < 16; count += 1) native().attach(recorder, 'syscribe_exec');
    assert.throws(() => native().attach(recorder, 'syscribe_exec'), { operation: 'attach' });
    native().close(recorder);
  });

  test('every function throws after close', () => {
    const recorder = listening();
    native().close(recorder);
    const member = { slot: 0, generation: 0, levels: 0, anyMountNamespace: 0 };
    const uses: ((addon: Native) => unknown)[] = [
      (addon) => addon.attach(recorder, 'syscribe_exec'),
      (addon) => addon.listen(recorder, () => {}),
      (addon) => addon.drain(recorder),
      (addon) => addon.walk(recorder),
      (addon) => addon.misses(recorder, 'syscribe_enter'),
      (addon) => addon.claimSlot(recorder),
      (addon) => addon.keepSlot(recorder, 0),
      (addon) => addon.freeSlot(recorder, 0),
      (addon) => addon.seen(recorder, 0),
      (addon) => addon.state(recorder, 0),
      (addon) => addon.counters(recorder),
      (addon) => addon.addMember(recorder, 1n, member),
      (addon) => addon.isMember(recorder, 1n),
      (addon) => addon.tagProcess(recorder, 0, 0),
      (addon) => addon.setRoot(recorder, 0, 0),
    ];
    for (const use of uses)
      assert.throws(() => use(native()), { name: 'TypeError', message: /closed/ }, use.toString());
  });

  test('it may be closed while it delivers, by the loop and by drain', async () => {
    for (const drained of [false, true]) {
      const recorder = native().load({ ...LOAD, reportProcesses: true });
      const delivered = Promise.withResolvers<void>();
      native().listen(recorder, () => {
        native().close(recorder);
        delivered.resolve();
      });
      const { child, exited } = await record(recorder, drained);
      await delivered.promise;
      await exited;
      native().release(child);
    }
  });

  test('a callback may drain', async () => {
    let depth = 0;
    const recorder = native().load({ ...LOAD, reportProcesses: true });
    native().listen(recorder, () => {
      depth += 1;
      if (depth < 3) native().drain(recorder);
    });
    const { child, exited } = await record(recorder);
    await until('an event', () => depth > 0);
    await exited;
    native().release(child);
    native().close(recorder);
  });

  test('slots run out, and come back empty', () => {
    const recorder = native().load({ ...LOAD, slots: 3 });
    assert.deepEqual(
      [0, 1, 2, 3].map(() => native().claimSlot(recorder)),
      [0, 1, 2, undefined],
    );
    const before = native().state(recorder, 1).readUInt32LE(0);
    native().freeSlot(recorder, 1);
    assert.equal(native().claimSlot(recorder), 1);
    assert.equal(native().state(recorder, 1).readUInt32LE(0), before + 1);
    native().close(recorder);
  });

  test('members are added once, each slot up to its own bound, and those without a slot up to theirs', () => {
    const recorder = native().load({ ...LOAD, slotMembers: 2, parents: 1 });
    assert.equal(native().claimSlot(recorder), 0);
    const add = (id: bigint, slot: number) =>
      native().addMember(recorder, id, { slot, generation: 0, levels: 0, anyMountNamespace: 0 });
    assert.deepEqual([add(1n, 0), add(1n, 0), add(2n ** 64n - 1n, 0), add(3n, 0)], [true, false, true, false]);
    assert.deepEqual([add(4n, NO_SLOT), add(5n, NO_SLOT)], [true, false]);
    assert.deepEqual([add(6n, 1), add(7n, 1), add(8n, 1)], [true, true, false]);
    assert.deepEqual(
      [1n, 2n, 2n ** 64n - 1n, 3n, 4n, 5n, 6n, 7n].map((id) => native().isMember(recorder, id)),
      [true, false, true, false, true, false, true, true],
    );
    const states = [0, 1].map((slot) => decodeState(native().state(recorder, slot)).membersFull);
    assert.deepEqual([states, decodeCounters(native().counters(recorder)).membersFull], [[1, 1], 3]);
    native().freeSlot(recorder, 0);
    assert.ok(!native().isMember(recorder, 1n) && native().isMember(recorder, 4n) && native().isMember(recorder, 7n));
    native().close(recorder);
  });

  test('fifty in a row leave no BPF object, no descriptor and no memory', async (context) => {
    const held = new Set<string>();
    const before = descriptors().length;
    let resident = 0;
    for (let round = 0; round < 50; round += 1) {
      const recorder = listening();
      native().walk(recorder);
      if (round % 10 === 0) for (const id of heldBpf()) held.add(id);
      native().close(recorder);
      // What is closed of the ring is freed by the loop.
      await sleep(1);
      if (round === 24) resident = residentMegabytes();
    }
    const growth = residentMegabytes() - resident;
    context.diagnostic(`${growth.toFixed(1)} MB more after 25 more`);
    // One leaked object would be a quarter of a megabyte or more.
    assert.ok(growth < 6, `${growth} MB`);
    assert.equal(descriptors().length, before);
    assert.deepEqual(heldBpf(), []);
    assert.ok(held.size > PROGRAMS.length, `${held.size}`);
    await until('the kernel has freed all', () => alive(held).length === 0);
  });
});

/** Has `recorder` see a command from its start; `drained` delivers at once. The caller releases the child. */
async function record(recorder: NativeRecorder, drained = false) {
  for (const program of PROGRAMS) native().attach(recorder, program);
  const slot = native().claimSlot(recorder) ?? assert.fail('no slot');
  const exited = Promise.withResolvers<void>();
  const { child, pidfd } = native().start(
    START,
    () => {},
    () => exited.resolve(),
  );
  native().tagProcess(recorder, pidfd, slot);
  native().go(child);
  if (drained) {
    await exited.promise;
    try {
      native().drain(recorder);
    } catch (error) {
      assert.match(String(error), /closed/); // Delivered by the loop before.
    }
  }
  return { child, exited: exited.promise };
}

test('a command can be recorded many times over', LIMIT, async () => {
  for (let round = 0; round < 5; round += 1) assert.deepEqual((await finish()).exited, [0, 0]);
});
