import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { NodeRecorder } from '../../../src/recording/ebpf/node-recorder.ts';
import { bpffs } from '../support/kernel.ts';
import { containerId, Pods, recorded } from '../support/pods.ts';
import { run, temporary } from '../support/syscribe.ts';

const MKDIR = 83;
const LOADER = fileURLToPath(new URL('loader.ts', import.meta.url));

function begin(context: TestContext, slots: number): { pods: Pods; recorder: NodeRecorder } {
  const pods = new Pods(context, bpffs(context), slots);
  const recorder = pods.record();
  context.after(() => recorder[Symbol.dispose]());
  return { pods, recorder };
}

function makes(observation: { readonly calls: readonly { readonly nr: number }[] }): boolean {
  return observation.calls.some(({ nr }) => nr === MKDIR);
}

test('a container that makes cgroups without end is partial, those beside it are whole', async (context) => {
  const { pods, recorder } = begin(context, 4);
  const directory = temporary(context);
  const hostile = pods.container(1);
  await pods.run(hostile, 'true');
  // Some are called like containers: they are none of the node's.
  const nested = [join(hostile, containerId(7)), join(hostile, `docker-${containerId(8)}.scope`)];
  for (const path of nested) mkdirSync(path);
  for (let count = 0; count < 100; count += 1) mkdirSync(join(hostile, `n${count}`));
  const quiet = pods.container(2);
  await pods.run(quiet, 'mkdir', join(directory, 'quiet'));
  rmdirSync(quiet);
  assert.deepEqual(recorded(recorder, 2).reasons, []);
  assert.ok(makes(recorded(recorder, 2)) && recorded(recorder, 2).ended);
  assert.deepEqual(recorded(recorder, 1).codes, ['members-full']);
  assert.match(recorded(recorder, 1).reasons[0]?.message ?? '', /^39 cgroups of its own found no room/);
  for (const number of [3, 4]) await pods.run(pods.container(number), 'mkdir', join(directory, `${number}`));
  assert.deepEqual(
    recorder.containers().map((one) => one.containerId),
    [1, 2, 3, 4].map(containerId),
  );
  assert.equal(recorder.losses().noSlot, 0);
  // What was removed gives its room back; what was missed is not forgotten by the next process either.
  for (let count = 0; count < 100; count += 1) rmdirSync(join(hostile, `n${count}`));
  recorder[Symbol.dispose]();
  const next = pods.record();
  context.after(() => next[Symbol.dispose]());
  mkdirSync(join(hostile, 'again'));
  assert.match(recorded(next, 1).reasons[0]?.message ?? '', /^39 cgroups/);
  assert.deepEqual(recorded(next, 2).reasons, []);
});

test('a container that is found with more cgroups than it has room for is partial, the others found with it are not', async (context) => {
  const pods = new Pods(context, bpffs(context), 4);
  const hostile = pods.container(1);
  for (let count = 0; count < 100; count += 1) mkdirSync(join(hostile, `n${count}`));
  pods.container(2);
  const recorder = pods.record();
  context.after(() => recorder[Symbol.dispose]());
  await pods.run(pods.container(2), 'true');
  assert.deepEqual(
    [1, 2].map((number) => recorded(recorder, number).codes),
    [['members-full'], []],
  );
  assert.deepEqual(
    recorder.adopt(() => true),
    [],
  );
  assert.equal(recorder.containers().length, 2);
});

test('the cgroups of a container that runs on after its release are no member’s room', async (context) => {
  const { pods, recorder } = begin(context, 1);
  for (let number = 1; number <= 25; number += 1) {
    const path = pods.container(number);
    for (let count = 0; count < 63; count += 1) mkdirSync(join(path, `n${count}`));
    await pods.run(join(path, 'n62'), 'true');
    assert.deepEqual(recorded(recorder, number).reasons, [], `container ${number}`);
    recorder.release(recorded(recorder, number).slot);
  }
});

/** Fills the table of members with what is no cgroup's; @returns what takes it out again. */
function fillMembers(directory: string, pins: string): () => void {
  const [layout = ''] = readdirSync(pins);
  const map = join(pins, layout, 'map_members');
  const keys = Array.from({ length: 4096 }, (_, index) => [index & 255, index >> 8, 0, 0, 0, 0, 0, 255].join(' '));
  const batch = join(directory, 'batch');
  const change = (line: (key: string) => string) => {
    writeFileSync(batch, keys.map(line).join('\n'));
    return spawnSync('bpftool', ['batch', 'file', batch], { encoding: 'utf8' });
  };
  const nobody = [255, 255, 255, 255, ...Array(12).fill(0)].join(' ');
  const filled = change((key) => `map update pinned ${map} key ${key} value ${nobody} noexist`);
  assert.match(filled.stderr, /Argument list too long/);
  const present = execFileSync('bpftool', ['-j', 'map', 'dump', 'pinned', map], { encoding: 'utf8' });
  const mine = (JSON.parse(present) as { key: string[] }[])
    .map(({ key }) => key.map(Number).join(' '))
    .filter((key) => key.endsWith(' 255'));
  keys.splice(0, keys.length, ...mine);
  return () => assert.equal(change((key) => `map delete pinned ${map} key ${key}`).status, 0);
}

test('a container that cannot be entered leaves its slot to others, and is reported with the reason', async (context) => {
  const slots = 4;
  const { pods, recorder } = begin(context, slots);
  const empty = fillMembers(temporary(context), pods.settings.pins);
  pods.container(1);
  for (let attempt = 0; attempt < 2 * slots; attempt += 1) {
    const left = recorder.adopt(() => true);
    assert.deepEqual(
      left.map(({ containerId: id, reason }) => [id, reason.code, reason.message.includes('Argument list too long')]),
      [[containerId(1), 'members-full', true]],
    );
    assert.deepEqual(recorder.containers(), []);
  }
  empty();
  assert.deepEqual(
    recorder.adopt(() => true),
    [],
  );
  for (let number = 2; number <= slots; number += 1) await pods.run(pods.container(number), 'true');
  assert.equal(new Set(recorder.containers().map(({ slot }) => slot)).size, slots);
  assert.equal(recorder.losses().noSlot, 0);
});

test('numbers off the table of one container are not those of the next in its slot', async (context) => {
  const { pods, recorder } = begin(context, 1);
  const odd = () => recorded(recorder, number).calls.filter(({ nr }) => nr > 500).length;
  let number = 1;
  const script = 'import ctypes\nfor nr in range(5000, 5300): ctypes.CDLL(None).syscall(nr)';
  await pods.run(pods.container(number), 'python3', '-c', script);
  assert.ok(odd() > 0);
  assert.ok(recorded(recorder, number).codes.includes('overflow'));
  recorder.release(recorded(recorder, number).slot);
  number = 2;
  await pods.run(pods.container(number), 'true');
  assert.deepEqual([odd(), recorded(recorder, number).reasons], [0, []]);
});

test('a container in which nothing was executed proves nothing', (context) => {
  const { pods, recorder } = begin(context, 1);
  const path = pods.container(1);
  assert.deepEqual(recorded(recorder, 1).reasons, [], 'its program may come yet');
  rmdirSync(path);
  rmdirSync(dirname(path));
  assert.deepEqual([recorded(recorder, 1).ended, recorded(recorder, 1).codes], [true, ['not-executed']]);
});

test('a container that ran on while calls were not seen is not complete, whether it runs still or has ended meanwhile', async (context) => {
  const { pods, recorder } = begin(context, 4);
  const script = 'echo began; read x; ln -s a /tmp/b$$; rm /tmp/b$$; echo done; read x';
  const begun = async (number: number) => {
    const running = await pods.start(pods.container(number), 'sh', '-c', script);
    await running.until('stdout', /began/);
    return running;
  };
  const [runsOn, ends] = [await begun(1), await begun(2)];
  recorder.disarm();
  for (const running of [runsOn, ends]) {
    running.child.stdin?.write('x\n');
    await running.until('stdout', /done/);
  }
  ends.child.stdin?.end('x\n');
  await ends.finished;
  recorder.arm();
  runsOn.child.stdin?.end('x\n');
  await runsOn.finished;
  await pods.run(pods.container(3), 'true');
  assert.deepEqual(
    [1, 2, 3].map((number) => recorded(recorder, number).codes),
    [['began-late'], ['began-late'], []],
  );
});

test('a loader that is killed while it removes another layout’s pins leaves no half of them under their name', async (context) => {
  const { pods, recorder } = begin(context, 2);
  recorder[Symbol.dispose]();
  const { cgroups, cgroupRoot, pins } = pods.settings;
  const [former = ''] = readdirSync(pins);
  const killed = ['-f', '-qq', '-e', 'trace=unlink,unlinkat', '-e', 'inject=unlink,unlinkat:signal=SIGKILL:when=3'];
  const { signal } = await run('strace', ...killed, process.execPath, LOADER, cgroups, cgroupRoot, pins, '3');
  assert.equal(signal, 'SIGKILL');
  assert.ok(!readdirSync(pins).includes(former), 'what is left has another name');
  const again = pods.record();
  context.after(() => again.end());
  assert.deepEqual(readdirSync(pins), [former]);
});
