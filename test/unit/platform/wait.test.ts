import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { lingering } from '../../../src/platform/wait.ts';

test('what lingers ends so much later than it is told to', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const stop = new AbortController();
  const left = lingering(stop.signal, 5000);
  context.mock.timers.tick(60_000);
  await setImmediate();
  assert.ok(!left.aborted);
  stop.abort();
  await setImmediate();
  context.mock.timers.tick(4999);
  await setImmediate();
  assert.ok(!left.aborted);
  context.mock.timers.tick(1);
  await setImmediate();
  assert.ok(left.aborted);
});
