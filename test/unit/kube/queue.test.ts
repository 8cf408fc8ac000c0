import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { KubeError } from '../../../src/kube/errors.ts';
import { type Failure, type QueueSettings, TerminalError, type Worker, WorkQueue } from '../../../src/kube/queue.ts';
import { Changes } from '../../support/changes.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A queue that runs until the test ends. */
function start(context: TestContext, worker: Worker, settings: Partial<QueueSettings> = {}) {
  const clock = new FakeClock();
  const changes = new Changes();
  const errors: (Failure & { error: unknown })[] = [];
  const worked: string[] = [];
  const counted: Worker = (key, options) => {
    worked.push(key);
    changes.tell();
    return worker(key, options);
  };
  const onError = (error: unknown, failure: Failure) => {
    errors.push({ ...failure, error });
    changes.tell();
  };
  const queue = new WorkQueue(counted, { clock, onError, ...settings });
  const stop = new AbortController();
  const running = queue.run(stop.signal);
  context.after(async () => {
    stop.abort();
    await running.catch(() => {});
  });
  return { queue, clock, stop, running, errors, worked, until: (condition: () => boolean) => changes.until(condition) };
}

test('a key that is added again while it waits is worked on once, while it is worked on once more', async (context) => {
  const gate = Promise.withResolvers<void>();
  const { queue, worked, until } = start(context, () => gate.promise);
  for (const key of ['a', 'b', 'b', 'a']) queue.add(key);
  await until(() => worked.length === 1);
  assert.deepEqual(queue.stats, { ready: 1, active: 1, delayed: 0, failing: 0, done: 0, failed: 0 });
  queue.add('a');
  queue.add('a');
  gate.resolve();
  await until(() => worked.length === 3);
  assert.deepEqual(worked, ['a', 'b', 'a']);
});

test('what nobody answered is due as soon as the server is back, what it refused or is given time for is not', async (context) => {
  let back = () => {};
  const client = {
    onReturn: (callback: () => void) => {
      back = callback;
      return () => {};
    },
  };
  const facts = { away: {}, refused: { status: 503 }, postponed: { retryAfter: 1000 } };
  const fails = new Set(Object.keys(facts));
  const { queue, clock, errors, worked, until } = start(
    context,
    async (key) => {
      if (fails.has(key)) throw new KubeError('retryable', key, facts[key as keyof typeof facts]);
    },
    { client },
  );
  for (const key of fails) queue.add(key);
  for (let failures = 1; failures < 7; failures++) {
    await until(() => errors.length === 3 * failures);
    clock.advance(1_000_000);
  }
  await until(() => errors.length === 21);
  fails.clear();
  const before = worked.length;
  back();
  await until(() => worked.length > before);
  assert.deepEqual(worked.slice(before), ['away']);
  assert.deepEqual([queue.stats.failing, queue.stats.delayed], [2, 2]);
  back();
  assert.equal(queue.stats.ready, 0);
});

test('a failing key waits longer and longer, up to a limit, and afresh behind a success', async (context) => {
  let failing = true;
  const { queue, clock, errors, worked, until } = start(context, async () => {
    if (failing) throw new Error('no');
  });
  queue.add('a');
  const waits: number[] = [];
  for (let time = 0; time < 20; time++) waits.push(await clock.pass(1, 1_000_000));
  assert.deepEqual(
    waits,
    Array.from({ length: 20 }, (_, index) => Math.min(1_000_000, 5 * 2 ** index)),
  );
  failing = false;
  const tries = worked.length;
  await clock.pass(1, 1_000_000);
  await until(() => worked.length === tries + 1);
  failing = true;
  queue.add('a');
  assert.equal(await clock.pass(1, 1_000_000), 5);
  assert.ok(errors.every(({ key }) => key === 'a'));
  assert.deepEqual(
    errors.map(({ retryIn }) => retryIn),
    [...waits, 1_000_000, 5].slice(0, errors.length),
  );
});

test('what can never work is told and not tried again; a throttling server is left alone', async (context) => {
  const throws: Record<string, Error> = {
    terminal: new TerminalError('no'),
    invalid: new KubeError('invalid', 'no'),
    forbidden: new KubeError('forbidden', 'not yet'),
    throttled: new KubeError('throttled', 'later', { retryAfter: 7000 }),
  };
  const { queue, errors, until } = start(context, async (key) => {
    throw throws[key];
  });
  for (const key of Object.keys(throws)) queue.add(key);
  await until(() => errors.length === 4);
  assert.deepEqual(
    errors.map(({ key, error, failures, retryIn }) => [key, error === throws[key], failures, retryIn]),
    [
      ['terminal', true, 1, undefined],
      ['invalid', true, 1, undefined],
      ['forbidden', true, 1, 5],
      ['throttled', true, 1, 7000],
    ],
  );
  assert.deepEqual(queue.stats, { ready: 0, active: 0, delayed: 2, failing: 2, done: 0, failed: 4 });
});

test('a key comes again when its worker says so, at the earliest of several times', async (context) => {
  const { queue, clock, worked, until } = start(context, async () => ({ requeueAfter: 60_000 }));
  queue.addAfter('a', 5000);
  queue.addAfter('a', 3000);
  queue.addAfter('a', 9000);
  assert.deepEqual(clock.pending, [3000]);
  await clock.pass(3000, 3000);
  await until(() => worked.length === 1);
  await clock.pass(60_000, 60_000);
  await until(() => worked.length === 2);
});

test('at an abort what was begun is waited for, and nothing else is begun or left', async (context) => {
  const gate = Promise.withResolvers<void>();
  const { queue, clock, stop, running, errors, worked, until } = start(context, async (_key, { signal }) => {
    await gate.promise;
    signal.throwIfAborted();
  });
  queue.add('a');
  queue.add('b');
  queue.addAfter('c', 1000);
  await until(() => worked.length === 1);
  stop.abort();
  queue.add('d');
  queue.addAfter('e', 1000);
  let ended = false;
  const end = running.then(() => {
    ended = true;
  });
  await new Promise(setImmediate);
  assert.equal(ended, false);
  gate.resolve();
  await end;
  assert.deepEqual([worked, errors, clock.pending], [['a'], [], []]);
});

test('what onError throws ends run(), the other workers included', async (context) => {
  const { queue, running } = start(
    context,
    async () => {
      throw new Error('no');
    },
    {
      concurrency: 3,
      onError: () => {
        throw new Error('mine');
      },
    },
  );
  queue.add('a');
  await assert.rejects(running, /mine/);
});

test('whatever is added when: no key twice at a time, and each is worked on behind its last addition', () =>
  fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.boolean()), { minLength: 1 }),
      fc.integer({ min: 1, max: 3 }),
      async (scheduler, additions, concurrency) => {
        const active = new Set<string>();
        const state = new Map<string, number>();
        const seen = new Map<string, number>();
        const clock = new FakeClock();
        const worker: Worker = async (key) => {
          assert.ok(!active.has(key));
          active.add(key);
          assert.ok(active.size <= concurrency);
          const read = state.get(key) ?? 0;
          const [, fails] = additions[read - 1] ?? ['', false];
          await scheduler.schedule(Promise.resolve(), `work on ${key}`);
          active.delete(key);
          // Failing once for this state, then seeing it.
          if (fails && seen.get(key) !== -read) {
            seen.set(key, -read);
            throw new Error('no');
          }
          seen.set(key, read);
        };
        const errors: unknown[] = [];
        const queue = new WorkQueue(worker, { concurrency, clock, onError: (error) => errors.push(error) });
        const stop = new AbortController();
        const running = queue.run(stop.signal);
        for (const [index, [key]] of additions.entries())
          void scheduler.schedule(Promise.resolve(), `add ${key}`).then(() => {
            state.set(key, index + 1);
            queue.add(key);
          });
        await scheduler.waitIdle();
        while (clock.pending.length > 0) {
          clock.advance(1_000_000);
          await scheduler.waitIdle();
        }
        stop.abort();
        await running;
        assert.deepEqual(seen, state);
        for (const error of errors) assert.equal((error as Error).message, 'no');
      },
    ),
  ));
