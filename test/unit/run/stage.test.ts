import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closingLine, judge, type Stage } from '../../run/stage.ts';

const STAGE: Stage = { name: 'unit', lane: 'compute', needs: [], command: ['true'], limit: 60, kind: 'tests' };
const well = (passed: number, skipped = 0) => ({
  ...{ code: 0, timedOut: false, stopped: false },
  counts: { passed, failed: 0, skipped },
});

test('the closing line is one alone, with or without what was skipped', () => {
  assert.deepEqual(closingLine('3 passed, 1 failed, 2 skipped'), { passed: 3, failed: 1, skipped: 2 });
  assert.deepEqual(closingLine('3 passed, 0 failed'), { passed: 3, failed: 0, skipped: 0 });
  for (const line of ['unit 3 passed, 0 failed', '3 passed, 0 failed, and more', '3 passed'])
    assert.equal(closingLine(line), undefined);
});

test('a stage that ran what it must is what its tests were', () => {
  assert.deepEqual(judge(STAGE, well(5), 5, true), { counts: { passed: 5, failed: 0, skipped: 0 } });
  assert.deepEqual(judge(STAGE, well(5), undefined, true), { counts: { passed: 5, failed: 0, skipped: 0 } });
});

test('one that ran fewer tests than it must, or more, has failed, and says what to do', () => {
  for (const passed of [4, 6]) {
    const { counts, problem } = judge(STAGE, well(passed), 5, false);
    assert.equal(counts.failed, 1);
    assert.match(problem ?? '', new RegExp(`ran ${passed} tests, not 5: .*counts\\.json`));
  }
});

test('a skipped test counts as run, and is a failure where nothing may be skipped', () => {
  assert.deepEqual(judge(STAGE, well(4, 1), 5, false), { counts: { passed: 4, failed: 0, skipped: 1 } });
  const { counts, problem } = judge(STAGE, well(4, 1), 5, true);
  assert.deepEqual(counts, { passed: 4, failed: 1, skipped: 1 });
  assert.match(problem ?? '', /skipped 1 test/);
});

test('one that ends badly without a failed test, without its closing line, by its limit or with the run has failed', () => {
  const counts = { passed: 5, failed: 0, skipped: 0 };
  for (const [ended, message] of [
    [{ code: 1, timedOut: false, stopped: false, counts }, /none of its tests did/],
    [{ code: 0, timedOut: false, stopped: false, counts: undefined }, /without its closing line/],
    [{ code: null, timedOut: true, stopped: false, counts }, /more than 60 s/],
    [{ code: null, timedOut: false, stopped: true, counts }, /was stopped/],
  ] as const) {
    const judged = judge(STAGE, ended, 5, false);
    assert.equal(judged.counts.failed, 1);
    assert.match(judged.problem ?? '', message);
  }
});

test('a check counts as one test, set-up as none', () => {
  const ended = { code: 0, timedOut: false, stopped: false, counts: undefined };
  assert.equal(judge({ ...STAGE, kind: 'check' }, ended, undefined, true).counts.passed, 1);
  assert.equal(judge({ ...STAGE, kind: 'setup' }, ended, undefined, true).counts.passed, 0);
  assert.equal(judge({ ...STAGE, kind: 'setup' }, { ...ended, code: 1 }, undefined, true).counts.failed, 1);
});
