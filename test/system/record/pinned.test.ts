import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BpfRecorder } from '../../../src/capture/ebpf/object.ts';
import { bpffs, cgroupId, makeCgroup, NO_SLOT, workloadCalls } from '../support/kernel.ts';
import { Running, run, temporary } from '../support/syscribe.ts';

const SLOTS = 4;

/** Records every cgroup two below `root`, as containers are below pods. */
function recordPods(root: string, pin: string): BpfRecorder {
  const bpf = new BpfRecorder({ slots: SLOTS, nameCgroups: true, pin });
  bpf.attach(['tasks', 'cgroups', 'calls']);
  bpf.addMember(cgroupId(root), { slot: NO_SLOT, generation: 0, levels: 2, anyMountNamespace: 1 });
  return bpf;
}

function inContainer(root: string, pod: string, container: string, ...command: string[]) {
  const path = join(root, pod, container);
  mkdirSync(path, { recursive: true });
  return run('sh', '-c', 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"', 'sh', path, ...command);
}

function slotOf(bpf: BpfRecorder, container: string): number {
  const slot = Array.from({ length: SLOTS }, (_, index) => index).find(
    (index) => bpf.slotCgroup(index)?.name === container,
  );
  assert.ok(slot !== undefined, `no slot for ${container}`);
  return slot;
}

test('what is pinned records on while nobody is there, and is found again with names, births and ends', async (context) => {
  const root = makeCgroup(context);
  const pin = bpffs(context);
  const directory = temporary(context);
  const first = recordPods(root, pin);
  await inContainer(root, 'pod1', 'one', 'mkdir', join(directory, 'a'));
  first.close();
  await inContainer(root, 'pod1', 'two', 'ln', '-s', 'x', join(directory, 'b'));
  rmdirSync(join(root, 'pod1', 'two'));
  const second = recordPods(root, pin);
  context.after(() => second.close());
  const [one, two] = [slotOf(second, 'one'), slotOf(second, 'two')];
  assert.ok(workloadCalls(second, one).includes('mkdir'));
  assert.ok(workloadCalls(second, two).includes('symlinkat'));
  assert.equal(second.slotCgroup(two)?.parent, 'pod1');
  assert.equal(second.slotCgroup(one)?.dead, 0n);
  const born = (slot: number) => second.slotCgroup(slot)?.born ?? 0n;
  assert.ok((second.slotCgroup(two)?.dead ?? 0n) > born(two));
  assert.ok(born(two) > born(one));
  assert.equal(second.misses(), 0, 'the pinned programs can be asked');
  second.freeSlot(two);
  assert.equal(second.slotCgroup(two), undefined);
  assert.deepEqual(workloadCalls(second, two), []);
});

test('a slot is handed out again once it is free, and never to two', async (context) => {
  const root = makeCgroup(context);
  const bpf = recordPods(root, bpffs(context));
  context.after(() => bpf.close());
  for (let round = 0; round < 3 * SLOTS; round++) {
    const name = `c${round}`;
    await inContainer(root, 'pod', name, 'true');
    const slot = slotOf(bpf, name);
    assert.ok(workloadCalls(bpf, slot).includes('exit_group'));
    rmdirSync(join(root, 'pod', name));
    bpf.freeSlot(slot);
  }
  for (let extra = 0; extra <= SLOTS; extra++) mkdirSync(join(root, 'pod', `e${extra}`));
  assert.equal(bpf.counters().noSlot, 1);
  const slots = Array.from({ length: SLOTS }, (_, slot) => bpf.slotCgroup(slot)?.name);
  assert.deepEqual(slots.toSorted(), ['e0', 'e1', 'e2', 'e3']);
});

test('calls can be detached and attached again while the rest goes on, pinned or not', async (context) => {
  const root = makeCgroup(context);
  const pin = bpffs(context);
  const directory = temporary(context);
  const bpf = recordPods(root, pin);
  context.after(() => bpf.close());
  bpf.detach(['calls']);
  assert.ok(!readdirSync(pin).some((name) => name.includes('syscribe_enter')));
  await inContainer(root, 'pod', 'quiet', 'mkdir', join(directory, 'a'));
  assert.deepEqual(workloadCalls(bpf, slotOf(bpf, 'quiet')), []);
  assert.equal(bpf.state(slotOf(bpf, 'quiet')).seeded, 1, 'what begins unseen is known to');
  bpf.attach(['calls']);
  await inContainer(root, 'pod', 'loud', 'mkdir', join(directory, 'b'));
  assert.ok(workloadCalls(bpf, slotOf(bpf, 'loud')).includes('mkdir'));
  assert.equal(bpf.state(slotOf(bpf, 'loud')).seeded, 0);
});

test('a container that was released is recorded again, from then on', async (context) => {
  const root = makeCgroup(context);
  const directory = temporary(context);
  const bpf = recordPods(root, bpffs(context));
  context.after(() => bpf.close());
  const path = join(root, 'pod', 'long');
  mkdirSync(path, { recursive: true });
  const script = 'echo $$ >"$0/cgroup.procs"; exec sh -c "echo began; read x; mkdir "$1"; read x" sh "$1"';
  const shell = new Running('sh', ['-c', script, path, join(directory, 'made')], { stdin: 'pipe' });
  await shell.until('stdout', /began/);
  bpf.freeSlot(slotOf(bpf, 'long'));
  assert.ok(!bpf.isMember(cgroupId(path)), 'whose slot is free is no member');
  const slot = bpf.claimSlot() ?? NO_SLOT;
  const member = { slot, generation: bpf.state(slot).generation, levels: 0, anyMountNamespace: 1 };
  assert.ok(bpf.addMember(cgroupId(path), member));
  bpf.adopt(slot);
  shell.child.stdin?.end('x\nx\n');
  assert.equal((await shell.finished).code, 0);
  assert.ok(workloadCalls(bpf, slot).includes('mkdir'));
  assert.ok(bpf.state(slot).seeded > 0);
  assert.equal(bpf.state(slot).live, 0);
});

test('what an earlier process attached can be detached, and attached again', async (context) => {
  const root = makeCgroup(context);
  const pin = bpffs(context);
  const directory = temporary(context);
  recordPods(root, pin).close();
  const bpf = recordPods(root, pin);
  context.after(() => bpf.close());
  bpf.detach(['calls']);
  bpf.attach(['calls']);
  await inContainer(root, 'pod', 'again', 'mkdir', join(directory, 'a'));
  assert.ok(workloadCalls(bpf, slotOf(bpf, 'again')).includes('mkdir'));
});
