import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type RunSettings, runStages } from '../../run/lanes.ts';
import { closing, problems, table } from '../../run/report.ts';
import type { Stage } from '../../run/stage.ts';
import { until } from '../../support/until.ts';

function shell(name: string, script: string, more: Partial<Stage> = {}): Stage {
  return { name, lane: 'compute', needs: [], command: ['sh', '-c', script], limit: 60, kind: 'tests', ...more };
}

function settings(context: TestContext, more: Partial<RunSettings> = {}): RunSettings & { lines: string[] } {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-run-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const lines: string[] = [];
  const print = (line: string) => lines.push(line);
  const signal = new AbortController().signal;
  return { directory, env: process.env, expected: {}, strict: false, print, signal, lines, ...more };
}

/** One that nobody has reaped does not. */
function runs(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const PASSED = 'echo "1 passed, 0 failed, 0 skipped"';

test('stages of a lane run one after the other, those of two side by side; each keeps its output', async (context) => {
  const own = settings(context);
  const [ready, go] = [join(own.directory, 'ready'), join(own.directory, 'go')];
  const outcomes = await runStages(
    [
      // Each waits for the other: alone, neither would end.
      shell('first', `mkfifo ${ready} ${go}; echo x >${ready}; read x <${go}; ${PASSED}`),
      shell('second', PASSED),
      shell('beside', `until [ -p ${ready} ] && [ -p ${go} ]; do :; done; read x <${ready}; echo x >${go}; ${PASSED}`, {
        lane: 'wait',
      }),
    ],
    own,
  );
  assert.equal(closing(outcomes).line, '3 passed, 0 failed, 0 skipped');
  assert.deepEqual(
    outcomes.map(({ stage }) => stage.name).filter((name) => name !== 'beside'),
    ['first', 'second'],
  );
  assert.equal(readFileSync(join(own.directory, 'second.log'), 'utf8'), '1 passed, 0 failed, 0 skipped\n');
  assert.ok(own.lines.includes('second    1 passed, 0 failed, 0 skipped'));
});

test('what a failed stage was needed for does not run, and has failed', async (context) => {
  const outcomes = await runStages(
    [
      shell('build', 'exit 1', { kind: 'setup' }),
      shell('system', PASSED, { lane: 'wait', needs: ['build'] }),
      shell('unit', PASSED),
    ],
    settings(context),
  );
  assert.equal(closing(outcomes).line, '1 passed, 2 failed, 0 skipped');
  assert.deepEqual(problems(outcomes).toSorted(), ['build failed', 'system did not run: build failed']);
});

test('a stage that comes after another waits for its end, though that fails', async (context) => {
  const [first, second] = await runStages(
    [shell('first', 'exit 1'), shell('second', PASSED, { lane: 'wait', after: ['first'] })],
    settings(context),
  );
  assert.ok(first && second);
  assert.deepEqual(
    [first, second].map(({ stage, counts }) => [stage.name, counts.failed]),
    [
      ['first', 1],
      ['second', 0],
    ],
  );
  assert.ok(second.began >= first.began + first.took);
});

test('a decisive stage that fails ends what runs, and what that has started', async (context) => {
  const own = settings(context);
  const pid = join(own.directory, 'pid');
  const outcomes = await runStages(
    [
      shell('slow', `sh -c 'echo $$ >${pid}; exec sleep 1000'; ${PASSED}`, { lane: 'wait' }),
      shell('lint', `until [ -s ${pid} ]; do :; done; exit 1`, { kind: 'check', decisive: true }),
      shell('later', PASSED),
    ],
    own,
  );
  assert.deepEqual(problems(outcomes).toSorted(), [
    'later did not run: the run was stopped',
    'lint failed',
    'slow was stopped',
  ]);
  await until('the process that the stage started has ended', () => !runs(Number(readFileSync(pid, 'utf8'))));
});

test('a stage that hangs is ended by its limit', async (context) => {
  const outcomes = await runStages([shell('hangs', 'sleep 1000', { limit: 0.1 })], settings(context));
  assert.match(problems(outcomes)[0] ?? '', /^hangs took more than/);
});

test('the table has all stages in the order of their beginning, and the slowest files', async (context) => {
  const outcomes = await runStages(
    [shell('unit', PASSED), shell('lint', 'true', { kind: 'check' })],
    settings(context),
  );
  const files = Array.from({ length: 25 }, (_, index) => ({
    ...{ stage: 'unit', file: `test/${index}.test.ts`, milliseconds: index * 1000 },
  }));
  const text = table(outcomes, files, 65);
  assert.match(text, /^stage +lane +began +took +passed +failed +skipped\nunit +compute +0:00 +0:00 +1 +0 +0\nlint /);
  assert.match(text, /the slowest files, of 1:05 in all\n0:24 +unit +test\/24\.test\.ts\n/);
  assert.equal(text.match(/\.test\.ts/g)?.length, 20);
});
