import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { exercise, SANITIZED } from './support.ts';

/** Scenarios of exercise.ts: each ends with `done` and the code 0. */
const SCENARIOS = {
  'garbage collection closes what was not closed': 'collected',
  'the process exits with everything open': 'exit-open',
  'the process exits in a callback of the ring': 'exit-in-callback',
  'the process ends by an uncaught exception of a callback': 'throw-in-callback',
  'a worker listens and is terminated': 'worker-terminated',
  'a worker exits with everything open': 'worker-exits',
  'a worker loads the addon, as often as it likes': 'workers-in-a-row',
} as const;

suite('teardown', { timeout: 120_000 }, () => {
  for (const [name, scenario] of Object.entries(SCENARIOS))
    test(name, () => {
      const { status, signal, stdout, stderr } = exercise(scenario);
      assert.deepEqual({ status, signal, stdout }, { status: 0, signal: null, stdout: 'done\n' }, stderr);
    });
});

/** Reports of LeakSanitizer in which the addon stands: Node itself frees nothing at its end. */
function ownLeaks(report: string): string[] {
  return report
    .split(/\n(?=(?:Direct|Indirect) leak of )/)
    .filter((part) => /^\w+ leak/.test(part) && part.includes('syscribe.node'));
}

const skip = SANITIZED ? false : 'not under test/native/run.sh';

suite('leaks', { skip, timeout: 120_000 }, () => {
  const options = (process.env.ASAN_OPTIONS ?? '')
    .replace(/log_path=[^:]*/, '')
    .replace('detect_leaks=0', 'detect_leaks=1');
  const env = { ASAN_OPTIONS: `${options}:exitcode=0`, LSAN_OPTIONS: 'max_leaks=0:report_objects=0' };

  test('LeakSanitizer finds nothing of the addon', () => {
    const { stdout, stderr } = exercise('everything', env);
    assert.equal(stdout, 'done\n', stderr);
    assert.match(stderr, /LeakSanitizer: detected memory leaks/);
    assert.deepEqual(ownLeaks(stderr), []);
  });
});
