import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../support/until.ts';

test('it looks until there is something, and gives that', async () => {
  const seen = [undefined, false, 0];
  assert.equal(await until('a number', () => seen.shift(), { every: 0 }), 0);
});

test('what never comes is named', async () => {
  await assert.rejects(
    until('the end of days', () => undefined, { seconds: 0.01, every: 1 }),
    /^Error: not within 0\.01 s: the end of days$/,
  );
});

test('what cannot come any more is not waited for', async () => {
  const over = () => 'its process has ended';
  await assert.rejects(
    until('a line', async () => false, { over }),
    /a line: its process has ended/,
  );
});

test('an error of the look is not hidden', async () => {
  const fail = () => {
    throw new Error('broken');
  };
  await assert.rejects(until('anything', fail), /^Error: broken$/);
});
