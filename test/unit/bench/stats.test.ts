import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimateMedian, estimateRatio, median, quantile, randomNumbers, shuffled } from '../../bench/stats.ts';

test('the median is the middle value, or the mean of the middle two', () => {
  assert.equal(median([5, 1, 3]), 3);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([7]), 7);
});

test('no values have no median', () => {
  assert.throws(() => median([]), RangeError);
});

test('quantiles lie on the line between neighbours', () => {
  assert.equal(quantile([0, 10], 0.25), 2.5);
  assert.equal(quantile([3, 1, 2], 0), 1);
  assert.equal(quantile([3, 1, 2], 1), 3);
});

test('input is left in its order', () => {
  const values = [3, 1, 2];
  median(values);
  assert.deepEqual(values, [3, 1, 2]);
});

test('rounds that are all alike leave no doubt', () => {
  const rounds = Array.from({ length: 15 }, () => ({ bare: 2, recorded: 3 }));
  assert.deepEqual(
    estimateRatio(
      rounds,
      ({ recorded }) => recorded,
      ({ bare }) => bare,
    ),
    { value: 1.5, low: 1.5, high: 1.5 },
  );
});

test('rounds are drawn as pairs: what both sides share does not widen the interval', () => {
  const rounds = Array.from({ length: 15 }, (_, index) => ({ bare: 100 + index, recorded: 200 + 2 * index }));
  const { value, low, high } = estimateRatio(
    rounds,
    ({ recorded }) => recorded,
    ({ bare }) => bare,
  );
  assert.deepEqual({ value, low, high }, { value: 2, low: 2, high: 2 });
});

test('the interval of a median holds the true one about 19 times in 20', () => {
  const random = randomNumbers(7);
  let held = 0;
  for (let run = 0; run < 60; run++) {
    const { low, high } = estimateMedian(
      Array.from({ length: 25 }, () => random()),
      (value) => value,
    );
    if (low <= 0.5 && 0.5 <= high) held += 1;
  }
  assert.ok(held >= 51 && held < 60, `${held} of 60`);
});

test('the same samples give the same interval', () => {
  const rounds = [1, 5, 2, 8, 3];
  assert.deepEqual(
    estimateMedian(rounds, (value) => value),
    estimateMedian(rounds, (value) => value),
  );
});

test('shuffling keeps every item and reaches every order', () => {
  const random = randomNumbers(3);
  const orders = new Set(Array.from({ length: 200 }, () => shuffled(['a', 'b', 'c'], random).join('')));
  assert.deepEqual([...orders].sort(), ['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
});
