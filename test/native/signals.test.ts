import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { suite, test } from 'node:test';
import { native } from '../../src/capture/native.ts';
import { until } from '../support/until.ts';
import { descriptors } from './support.ts';

const { SIGUSR2, SIGHUP, SIGWINCH, SIGKILL } = constants.signals;
const { EBUSY, EINVAL } = constants.errno;
const LIMIT = { timeout: 20_000 };

/** Signals with a handler, and ignored ones, as the kernel has them. */
function dispositions(): string[] {
  return readFileSync('/proc/self/status', 'utf8').match(/^Sig(?:Cgt|Ign):.*$/gm) ?? [];
}

suite('signals', LIMIT, () => {
  test('those watched are delivered with their origin; afterwards all is as before', async () => {
    const before = dispositions();
    const open = descriptors().length;
    const got: [number, boolean][] = [];
    const watch = native().watchSignals([SIGUSR2, SIGHUP], (...signal) => got.push(signal));
    process.kill(process.pid, 'SIGUSR2');
    await until('the first signal', () => got.length === 1);
    process.kill(process.pid, 'SIGHUP');
    await until('the second signal', () => got.length === 2);
    assert.deepEqual(got, [
      [SIGUSR2, false],
      [SIGHUP, false],
    ]);
    native().unwatchSignals(watch);
    native().unwatchSignals(watch);
    assert.deepEqual(dispositions(), before);
    assert.equal(descriptors().length, open);
  });

  test('one watch at a time', () => {
    const watch = native().watchSignals([], () => {});
    assert.throws(() => native().watchSignals([], () => {}), { operation: 'watchSignals', errno: EBUSY });
    native().unwatchSignals(watch);
    native().unwatchSignals(native().watchSignals([], () => {}));
  });

  test('one that cannot be watched leaves the others as they were', () => {
    // Node ignores SIGPIPE: with the default a write to a closed pipe would end it.
    const before = dispositions();
    const open = descriptors().length;
    for (const wrong of [SIGKILL, 65, 1000, 0])
      assert.throws(() => native().watchSignals([SIGUSR2, wrong, constants.signals.SIGPIPE], () => {}), {
        operation: 'watchSignals',
        errno: EINVAL,
      });
    assert.deepEqual(dispositions(), before);
    assert.equal(descriptors().length, open);
    assert.throws(() => native().watchSignals(new Array(66).fill(SIGUSR2), () => {}), TypeError);
  });

  test('one that is listed twice is given back too', () => {
    const before = dispositions();
    native().unwatchSignals(native().watchSignals([SIGWINCH, SIGWINCH], () => {}));
    assert.deepEqual(dispositions(), before);
  });

  test('a flood of them, and unwatching in the callback', async () => {
    let count = 0;
    const watch = native().watchSignals([SIGWINCH], () => {
      count += 1;
      if (count === 2) native().unwatchSignals(watch);
    });
    for (let round = 0; round < 20_000; round += 1) process.kill(process.pid, 'SIGWINCH');
    await until('both have it', () => count === 2);
    for (let round = 0; round < 100; round += 1) await new Promise(setImmediate);
    assert.equal(count, 2);
  });
});
