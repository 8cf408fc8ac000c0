import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Budget } from '../../../src/webhook/budget.ts';

const refused = (status: number) => ({ name: 'RequestError', status });

/** Whether a promise has settled once all that could happen at once has happened. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  return await Promise.race([
    promise.then(() => true),
    new Promise<boolean>((resolve) => setImmediate(resolve, false)),
  ]);
}

test('what is given back is given to the one that has waited longest', async () => {
  const budget = new Budget(100, 2000);
  const [first, second, third] = [budget.hold(), budget.hold(), budget.hold()];
  await first.take(80);
  const [large, small] = [second.take(90), third.take(5)];
  assert.deepEqual([await settled(large), await settled(small)], [false, false], 'a small one does not overtake');
  first[Symbol.dispose]();
  await large;
  await small;
});

test('what is never there is refused at once', async () => {
  await assert.rejects(new Budget(100, 2000).hold().take(101), refused(413));
});

test('who waits too long is refused, and keeps nobody behind it waiting', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const budget = new Budget(100, 2000);
  const busy = budget.hold();
  await busy.take(60);
  const large = budget.hold().take(50);
  const failing = assert.rejects(large, refused(503));
  context.mock.timers.tick(1500);
  const small = budget.hold().take(40);
  context.mock.timers.tick(500);
  await failing;
  await small;
});

test('where all wait for each other the last is refused', async () => {
  const budget = new Budget(100, 2000);
  const [first, second] = [budget.hold(), budget.hold()];
  await Promise.all([first.take(50), second.take(50)]);
  const more = first.take(20);
  await assert.rejects(second.take(20), refused(503));
  second[Symbol.dispose]();
  await more;
});

test('where all wait for each other one that needs little is not refused for those that hold much', async () => {
  const budget = new Budget(100, 2000);
  const [large, larger, small] = [budget.hold(), budget.hold(), budget.hold()];
  await Promise.all([large.take(49), larger.take(49), small.take(2)]);
  const more = [large.take(20), assert.rejects(larger.take(20), refused(503))];
  const little = small.take(5);
  await more[1];
  larger[Symbol.dispose]();
  await Promise.all([more[0], little]);
});

test('a client that sends nothing is cut off once another waits, and one that sends is not', async () => {
  let now = 0;
  const budget = new Budget(100, 2000);
  const [silent, busy, other] = Array.from({ length: 3 }, () => budget.hold(() => now));
  assert.ok(silent && busy && other);
  await silent.take(50);
  await busy.take(50);
  const read = silent.client(new Promise<number>(() => {}), (bytes) => bytes);
  now = 200;
  const sending = Promise.withResolvers<number>();
  const going = busy.client(sending.promise, (bytes) => bytes);
  now = 300;
  const waiting = other.take(50);
  await assert.rejects(read, refused(408));
  silent[Symbol.dispose]();
  await waiting;
  sending.resolve(5);
  assert.equal(await going, 5);
});

test('a client that sends a little now and then counts as silent', async () => {
  let now = 0;
  const budget = new Budget(100, 2000);
  const hold = budget.hold(() => now);
  for (const _ of Array(3)) {
    await hold.client(Promise.resolve(1), (bytes) => bytes);
    now += 100;
  }
  assert.equal(hold.isStalled(), true);
  await hold.client(Promise.resolve(2 ** 16), (bytes) => bytes);
  assert.equal(hold.isStalled(), false);
});

test('what is given back in the very moment in which a request is refused is not lost', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const budget = new Budget(100, 2000);
  const busy = budget.hold();
  await busy.take(60);
  const failing = assert.rejects(budget.hold().take(50), refused(503));
  context.mock.timers.tick(2000);
  busy[Symbol.dispose]();
  await failing;
  assert.equal(await settled(budget.hold().take(100)), true);
});
