import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SerialGaps } from '../../../../src/capture/audit/gaps.ts';

function gapsOf(serials: readonly number[]): { missed: number; pending: number } {
  const gaps = new SerialGaps();
  for (const serial of serials) gaps.add(serial);
  return { missed: gaps.missed, pending: gaps.pending };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

test('none where every number came, twice, or a little out of order', () => {
  for (const serials of [[5], range(5, 20_000), range(5, 100).flatMap((serial) => [serial, serial]), [7, 5, 6, 9, 8]])
    assert.deepEqual(gapsOf(serials), { missed: 0, pending: 0 });
});

test('a number that did not come is pending, then missed', () => {
  assert.deepEqual(gapsOf([1, 2, 4]), { missed: 0, pending: 1 });
  assert.deepEqual(gapsOf([1, 2, ...range(4, 9000)]), { missed: 1, pending: 0 });
  assert.deepEqual(gapsOf([1, 2, 50_000]), { missed: 49_997 - 4095, pending: 4095 });
});

test('a new boot begins anew', () => {
  assert.deepEqual(gapsOf([...range(10_000, 10_010), ...range(1, 5)]), { missed: 0, pending: 0 });
});

test('missed and pending are what is missing between the first and the last, whatever is missing', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(20_000), { maxLength: 300 }), (missing) => {
      const without = new Set(missing.filter((serial) => serial > 0 && serial < 20_000));
      const { missed, pending } = gapsOf(range(0, 20_001).filter((serial) => !without.has(serial)));
      assert.equal(missed + pending, without.size);
    }),
  );
});

test('whatever the numbers: no throw, never negative', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2 ** 32 - 1)), (serials) => {
      const { missed, pending } = gapsOf(serials);
      assert.ok(missed >= 0 && pending >= 0);
    }),
  );
});

test('counted on by another from any place, numbers are missing as if one had counted all', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(9000), { maxLength: 100 }), fc.nat(9000), fc.nat(500), (missing, at, again) => {
      const without = new Set(missing.filter((serial) => serial > 0 && serial < 9000));
      const came = range(0, 9001).filter((serial) => !without.has(serial));
      const first = new SerialGaps();
      for (const serial of came.filter((serial) => serial <= at)) first.add(serial);
      const second = new SerialGaps();
      if (first.serials) second.resume(JSON.parse(JSON.stringify(first.serials)));
      // What was read already may be read again.
      for (const serial of came.filter((serial) => serial > at - again)) second.add(serial);
      assert.equal(first.missed + second.missed + second.pending, without.size);
    }),
  );
});

test('what is missing between where one stopped and another began is missed', () => {
  const gaps = new SerialGaps();
  gaps.resume({ last: 100, missing: [98] });
  gaps.add(103);
  assert.deepEqual([gaps.pending, gaps.first], [3, 103]);
});
