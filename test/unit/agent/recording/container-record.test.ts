import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  abandon,
  type ContainerRecord,
  finish,
  type Run,
  stateOfRecord,
  totalOf,
  withRun,
} from '../../../../src/agent/recording/container-record.ts';
import { record, run } from '../samples.ts';

const call = fc.record({
  phase: fc.constantFrom('workload' as const, 'runtime' as const),
  abi: fc.constantFrom('x86_64' as const, 'i386' as const),
  nr: fc.integer({ min: -1, max: 20 }),
});
const reason = fc.record({ code: fc.constantFrom('began-late', 'log-lost', 'busy'), message: fc.string() });
const look = fc.record({
  id: fc.constantFrom('a', 'b', 'c'),
  run: fc.record({ calls: fc.array(call, { maxLength: 6 }), reasons: fc.array(reason, { maxLength: 2 }) }),
  ended: fc.boolean(),
});
const looks = fc.array(look, { maxLength: 20 });

type Look = { readonly id: string; readonly run: Run; readonly ended: boolean };

function after(all: readonly Look[], from = record()): ContainerRecord {
  return all.reduce((now, { id, run: seen, ended }, index) => withRun(now, id, seen, ended, index + 1), from);
}

const keys = (one: Run) => new Set(one.calls.map(({ phase, abi, nr }) => `${phase} ${abi} ${nr}`));
const codes = (one: Run) => new Set(one.reasons.map(({ code }) => code));

test('what was seen, and why it is not all, is only ever added to', () => {
  fc.assert(
    fc.property(looks, look, (before, next) => {
      const now = after(before);
      const then = after([next], now);
      for (const key of keys(totalOf(now))) assert.ok(keys(totalOf(then)).has(key));
      for (const code of codes(totalOf(now))) assert.ok(codes(totalOf(then)).has(code));
      assert.deepEqual(keys(totalOf(finish(now))), keys(totalOf(now)));
    }),
  );
});

test('all that runs did is in the record, each run until its end', () => {
  fc.assert(
    fc.property(looks, (all) => {
      const open = new Set<string>(['a', 'b', 'c']);
      const counted = all.filter(({ id, ended }) => {
        const is = open.has(id);
        if (ended) open.delete(id);
        return is;
      });
      const calls = counted.flatMap(({ run: seen }) => seen.calls);
      assert.deepEqual(keys(totalOf(after(all))), keys({ calls, reasons: [] }));
    }),
  );
});

test('a run is folded in once, however often its end is told', () => {
  fc.assert(
    fc.property(looks, (all) => {
      const ends = new Set<string>(all.filter(({ ended }) => ended).map(({ id }) => id));
      const now = after(all);
      assert.equal(now.done, ends.size);
      for (const id of ends) assert.equal(withRun(now, id, run(['reboot']), true, 99), now);
      assert.ok(Object.keys(now.current).every((id) => !ends.has(id)));
    }),
  );
});

test('a run that is read as less later keeps what was read before', () => {
  const first = withRun(record(), 'a', run(['read', 'write']), false, 1);
  const ended = withRun(first, 'a', run([]), true, 2);
  assert.deepEqual(keys(totalOf(ended)), keys(run(['read', 'write'])));
});

test('the time of the newest call is that of the look that found it', () => {
  const first = withRun(record(), 'a', run(['read']), false, 1000);
  const same = withRun(first, 'b', run(['read']), false, 2000);
  const more = withRun(same, 'b', run(['read', 'write']), false, 3000);
  assert.deepEqual([first.newest, same.newest, more.newest], [1000, 1000, 3000]);
});

test('a record that ends while its container runs says so, and takes nothing more', () => {
  const running = withRun(record(), 'a', run(['read']), false, 1);
  const over = finish(running);
  assert.deepEqual(stateOfRecord(over, 'node-1'), {
    pod: { name: 'web', uid: 'pod-uid' },
    container: 'front',
    node: 'node-1',
    running: 0,
    done: 1,
    finished: true,
    newest: '1970-01-01T00:00:00.001Z',
    reasons: [{ code: 'still-running', message: 'the recording ended while the container ran' }],
  });
  assert.equal(withRun(over, 'b', run(['write']), false, 2), over);
  assert.deepEqual(finish(over), over);
});

test('a record that ends behind its last run is whole', () => {
  const over = finish(withRun(record(), 'a', run(['read']), true, 1));
  assert.deepEqual([over.done, totalOf(over).reasons], [1, []]);
});

test('a run that nobody keeps any more is folded in with that reason', () => {
  const now = abandon(withRun(record(), 'a', run(['read']), false, 5), 'a');
  assert.deepEqual(codes(totalOf(now)), new Set(['interrupted']));
  assert.deepEqual([now.done, now.current, now.newest], [1, {}, 5]);
  assert.deepEqual(keys(totalOf(now)), keys(run(['read'])));
});

test('ids of runs that ended are bounded, and their count goes on', () => {
  let now = record();
  for (let restart = 0; restart < 600; restart++) now = withRun(now, `id-${restart}`, run(['read']), true, restart);
  assert.deepEqual([now.ended.length, now.ended.at(-1), now.done], [500, 'id-599', 600]);
});
