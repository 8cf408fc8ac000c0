import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RecordingSession } from '../../../src/recording/ebpf/session.ts';
import { cgroupId, makeCgroup, recordCgroup } from '../support/kernel.ts';

const names = ['sh', '-c', 'mkdir /tmp/$$; rmdir /tmp/$$'];

async function record(
  command: readonly string[],
  bpf: ConstructorParameters<typeof import('../../../src/capture/ebpf/object.ts').BpfRecorder>[0],
) {
  await using session = await RecordingSession.start({ command }, { bpf: bpf ?? {} });
  return await session.finished;
}

function has(calls: readonly { nr: number }[], nr: number): boolean {
  return calls.some((call) => call.nr === nr);
}

test('a tag that cannot be stored: partial, and the message says how many tasks', async () => {
  const whole = await record(names, {});
  assert.deepEqual(whole.reasons, []);
  const broken = await record(names, { failTags: 1 });
  assert.deepEqual(broken.reasons, [
    { code: 'untagged', message: '1 task was not followed since the kernel had no memory for a tag' },
  ]);
  assert.ok(has(whole.calls, 83) && !has(broken.calls, 83), 'the first child made the directory');
});

/** Waits for the end of a process without giving the event loop a turn: nothing is drained meanwhile. */
function blockUntilGone(pid: number): void {
  const state = () => /^State:\t(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  for (const end = performance.now() + 60_000; state() !== 'Z'; ) assert.ok(performance.now() < end, 'it never ended');
}

test('a full event ring loses evidence, never a call, and the profile stays complete', async () => {
  // A page holds 63 events: as many births fill it before the directory is made.
  const script = 'i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done; mkdir /tmp/r$$; rmdir /tmp/r$$';
  const session = await RecordingSession.start(
    { command: ['sh', '-c', script] },
    { bpf: { ringBytes: 4096 }, onProcess: () => {} },
  );
  blockUntilGone(session.command?.pid ?? 0);
  const observation = await session.finished;
  assert.ok(observation.lostEvidence > 0, 'events were lost');
  assert.deepEqual(observation.reasons, []);
  const made = observation.calls.find(({ nr }) => nr === 83);
  assert.ok(made, 'mkdir is recorded');
  assert.equal(made.first, undefined, 'and who made it is not known');
  assert.equal(observation.processes, 103);
});

test('numbers off the table beyond what there is room for: partial, and the message says so', async () => {
  // 16 find room; the kernel answers each with ENOSYS.
  const script = 'import ctypes\nfor nr in range(2000, 2060): ctypes.CDLL(None).syscall(nr)';
  const { calls, reasons } = await record(['python3', '-c', script], {});
  assert.equal(calls.filter(({ nr }) => nr >= 2000).length, 16);
  assert.deepEqual(
    reasons.filter(({ code }) => code === 'overflow').map(({ message }) => message),
    ['more numbers off the table were called than there is room for'],
  );
});

test('no free slot for a new cgroup is counted', (context) => {
  const path = makeCgroup(context);
  const { bpf } = recordCgroup(context, path, { slots: 1, levels: 1 });
  mkdirSync(join(path, 'first'));
  assert.deepEqual(bpf.counters(), { noSlot: 0, membersFull: 0, busy: 0, unremoved: 0 });
  mkdirSync(join(path, 'second'));
  assert.deepEqual(bpf.counters(), { noSlot: 1, membersFull: 0, busy: 0, unremoved: 0 });
});

test('a cgroup above those with slots for which there is no room is counted, and takes none of theirs', (context) => {
  const path = makeCgroup(context);
  const { bpf } = recordCgroup(context, path, { slots: 2, slotMembers: 1, parents: 2, levels: 2 });
  for (const name of ['first', 'second', 'first/one', 'first/two', 'second/one']) mkdirSync(join(path, name));
  assert.equal(bpf.counters().membersFull, 1);
  assert.deepEqual(
    ['first', 'second', 'first/one', 'first/two', 'second/one'].map((name) => bpf.isMember(cgroupId(join(path, name)))),
    [true, false, true, true, false],
  );
  rmdirSync(join(path, 'second/one'));
  for (const name of ['first/one', 'first/two', 'first']) rmdirSync(join(path, name));
  mkdirSync(join(path, 'third'));
  assert.ok(bpf.isMember(cgroupId(join(path, 'third'))), 'what was removed gives its room back');
});

test('a slot that is used again holds nothing of the recording before it', async () => {
  const session = await RecordingSession.start({ command: ['true'] });
  await session.finished;
  const { BpfRecorder } = await import('../../../src/capture/ebpf/object.ts');
  using bpf = new BpfRecorder();
  const slot = bpf.claimSlot() ?? assert.fail('no slot');
  bpf.attach(['tasks', 'calls']);
  bpf.adopt(slot, process.pid);
  readFileSync('/proc/self/status');
  assert.ok(bpf.calls(slot).length > 0);
  bpf.freeSlot(slot);
  readFileSync('/proc/self/status');
  assert.deepEqual(bpf.calls(slot), [], 'tags of the old generation write no more');
  assert.equal(bpf.claimSlot(), slot);
});
