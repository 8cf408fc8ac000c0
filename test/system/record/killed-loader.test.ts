import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { size } from '../../support/sizes.ts';
import { bpffs } from '../support/kernel.ts';
import { Pods, recorded } from '../support/pods.ts';
import { type Finished, run, temporary } from '../support/syscribe.ts';

const SLOTS = size('LOADER_SLOTS');
const LOADER = fileURLToPath(new URL('loader.ts', import.meta.url));
const MKDIR = 83;
const EARLIER = 1;
const RUNNING = 2;
const NEXT = 3;

/** Commands of bpf(2) that change what outlives their process, or the tags of tasks. */
const CHANGING = /^\d+ +bpf\(BPF_(OBJ_PIN|ITER_CREATE|MAP_UPDATE_ELEM|MAP_DELETE_ELEM|MAP_LOOKUP_AND_DELETE_ELEM),/;

function load({ settings }: Pods, ...options: string[]): Promise<Finished> {
  const { cgroups, cgroupRoot, pins, slots } = settings;
  const loader = [process.execPath, LOADER, cgroups, cgroupRoot, pins, `${slots}`];
  return run('strace', '-f', '-qq', '-e', 'trace=bpf', ...options, ...loader);
}

/** A node on which a container runs; `after` a complete recorder, which has seen another one. */
async function makeNode(context: TestContext, pins: string, after: boolean, directory: string) {
  mkdirSync(pins);
  const pods = new Pods(context, pins, SLOTS);
  const running = await pods.start(pods.container(RUNNING), 'sleep', '1000');
  if (after) {
    using recorder = pods.record();
    const path = pods.container(EARLIER);
    await pods.run(path, 'mkdir', join(directory, 'earlier'));
    rmdirSync(path);
    assert.deepEqual(recorded(recorder, EARLIER).reasons, []);
    rmdirSync(join(directory, 'earlier'));
  }
  return {
    pods,
    stop: async () => {
      running.child.kill('SIGKILL');
      await running.finished;
    },
  };
}

/** Counted from 1, the calls before and behind which something outlives the process that did not before. */
function positions(trace: string): number[] {
  const calls = trace.split('\n').filter((line) => line.includes(' bpf('));
  const changing = calls.flatMap((line, index) => (CHANGING.test(line) ? [index + 1] : []));
  return [...new Set(changing.flatMap((call) => [call, call + 1]))].filter((call) => call <= calls.length);
}

async function checkNext(pods: Pods, after: boolean, directory: string): Promise<void> {
  const recorder = pods.record();
  try {
    const numbers = [...(after ? [EARLIER] : []), RUNNING];
    for (const number of numbers) recorded(recorder, number);
    if (after) {
      const { reasons, calls } = recorded(recorder, EARLIER);
      assert.deepEqual([reasons, calls.some(({ nr }) => nr === MKDIR)], [[], true]);
    }
    assert.deepEqual(recorded(recorder, RUNNING).codes, ['began-late']);
    const path = pods.container(NEXT);
    await pods.run(path, 'mkdir', join(directory, 'next'));
    rmdirSync(path);
    rmdirSync(join(directory, 'next'));
    const { reasons, calls } = recorded(recorder, NEXT);
    assert.deepEqual([reasons, calls.some(({ nr }) => nr === MKDIR)], [[], true]);
    for (let number = NEXT + 1; number <= NEXT + SLOTS - numbers.length; number += 1) pods.container(number);
    assert.equal(recorder.losses().noSlot, 1, 'the last found none');
    assert.deepEqual(
      recorder.containers().map(({ slot }) => slot),
      Array.from({ length: SLOTS }, (_, slot) => slot),
    );
  } finally {
    recorder.end();
  }
}

/** Runs the loader on a node of its own, then the next one, which is to find all in order. */
async function attempt(context: TestContext, pins: string, after: boolean, directory: string, options: string[]) {
  const { pods, stop } = await makeNode(context, pins, after, directory);
  try {
    const finished = await load(pods, ...options);
    await checkNext(pods, after, directory);
    return finished;
  } finally {
    await stop();
  }
}

for (const after of [false, true])
  test(`killed at any call of its own, ${after ? 'with what an earlier one has pinned' : 'as the first'}, a loader leaves each slot to the next once`, async (context) => {
    const pins = bpffs(context);
    const directory = temporary(context);
    const trace = join(directory, 'trace');
    const whole = await attempt(context, join(pins, 'whole'), after, directory, ['-o', trace]);
    assert.equal(whole.code, 0, whole.stderr);
    const left = positions(readFileSync(trace, 'utf8'));
    context.diagnostic(`killed at ${left.length} calls`);
    const work = async (worker: string) => {
      const own = join(directory, worker);
      mkdirSync(own);
      for (let at = left.shift(); at !== undefined; at = left.shift()) {
        const options = ['-o', '/dev/null', '-e', `inject=bpf:signal=SIGKILL:when=${at}`];
        const killed = await attempt(context, join(pins, `${at}`), after, own, options).catch((cause: unknown) => {
          throw new Error(`killed at call ${at}`, { cause });
        });
        assert.equal(killed.signal, 'SIGKILL', killed.stderr);
      }
    };
    await Promise.all(['one', 'two'].map(work));
  });
