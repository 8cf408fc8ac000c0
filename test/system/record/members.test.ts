import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RecordingSession } from '../../../src/recording/ebpf/session.ts';
import {
  cgroupId,
  hierarchyOf,
  makeCgroup,
  NO_SLOT,
  recordCgroup,
  tasksInStacks,
  workloadCalls,
} from '../support/kernel.ts';
import { Running, run, temporary } from '../support/syscribe.ts';

// Each starts a shell in the cgroup: "sh" moves itself, then executes the workload.
function inCgroup(path: string, ...command: string[]): Promise<{ code: number | null; stderr: string }> {
  return run('sh', '-c', 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"', 'sh', path, ...command);
}

/** As a container: in mount and process namespaces of its own. */
function asContainer(path: string, script: string): Promise<{ code: number | null; stderr: string }> {
  return run(
    'sh',
    '-c',
    'echo $$ >"$1/cgroup.procs"; exec unshare --mount --pid --fork sh -c "exec sh -c \\"\\$0\\"" "$2"',
    'sh',
    path,
    script,
  );
}

test('the workload of a container is recorded, what its runtime does in the host’s mount namespace is not', async (context) => {
  const path = makeCgroup(context);
  const { bpf, slot } = recordCgroup(context, path);
  const made = join(temporary(context), 'made');
  assert.equal((await asContainer(path, `mkdir ${made}; rmdir ${made}`)).code, 0);
  const calls = workloadCalls(bpf, slot);
  assert.ok(calls.includes('mkdir'));
  assert.ok(!calls.includes('unshare') && !calls.includes('mount'), `${calls}`);
});

test('a process that behaves like conmon in the pod’s cgroup is not the workload', async (context) => {
  const path = makeCgroup(context);
  const { bpf, slot } = recordCgroup(context, path);
  await inCgroup(path, 'sh', '-c', 'ln -s x /tmp/c$$; rm /tmp/c$$');
  assert.deepEqual(workloadCalls(bpf, slot), []);
  assert.ok(bpf.state(slot).hostExecs > 0, 'and it is counted, for a service whose place is the host');
});

test('a nested cgroup belongs to the container, before and after a move into it', async (context) => {
  const path = makeCgroup(context);
  const { bpf, slot } = recordCgroup(context, path, { hostToo: true });
  const inner = join(path, 'inner');
  mkdirSync(inner);
  assert.ok(bpf.isMember(cgroupId(inner)));
  await inCgroup(
    path,
    'sh',
    '-c',
    `mkdir ${inner}/deeper; echo $$ >${inner}/deeper/cgroup.procs; ln -s x /tmp/n$$; rm /tmp/n$$`,
  );
  const calls = workloadCalls(bpf, slot);
  assert.ok(calls.includes('mkdir') && calls.includes('symlinkat'), `${calls}`);
});

test('cgroups of the same id in two hierarchies are not mixed up', async (context) => {
  // A v1 cgroup whose id is that of a v2 member: ids are inode numbers, unique only in their own hierarchy.
  const member = makeCgroup(context);
  const { bpf, slot } = recordCgroup(context, member, { hostToo: true });
  const [first] = [makeCgroup(context, 'pids')];
  bpf.addMember(cgroupId(first ?? ''), { slot, generation: 0, levels: 0, anyMountNamespace: 1 });
  await inCgroup(first ?? '', 'sh', '-c', 'ln -s x /tmp/h$$; rm /tmp/h$$');
  assert.deepEqual(workloadCalls(bpf, slot), []);
  mkdirSync(join(first ?? '', 'below'));
  assert.ok(!bpf.isMember(cgroupId(join(first ?? '', 'below'))), 'birth in the other hierarchy gives no membership');
});

test('a v1 hierarchy is recorded by its own ids', async (context) => {
  const path = makeCgroup(context, 'pids');
  const { bpf, slot } = recordCgroup(context, path, {
    hostToo: true,
    controller: 'pids',
    hierarchy: hierarchyOf('pids'),
  });
  await inCgroup(path, 'sh', '-c', 'ln -s x /tmp/v$$; rm /tmp/v$$');
  assert.ok(workloadCalls(bpf, slot).includes('symlinkat'));
});

test('each cgroup below a root has a slot of its own, known before its first process', async (context) => {
  const path = makeCgroup(context);
  const { bpf, events } = recordCgroup(context, path, { slots: 2, levels: 1, hostToo: true });
  const slots = ['one', 'two'].map((name) => {
    mkdirSync(join(path, name));
    bpf.drain();
    const born = events.filter(({ kind }) => kind === 'cgroup').at(-1);
    assert.equal(born?.value, cgroupId(join(path, name)));
    return born?.slot ?? NO_SLOT;
  });
  await inCgroup(join(path, 'one'), 'sh', '-c', 'ln -s x /tmp/o$$; rm /tmp/o$$');
  await inCgroup(join(path, 'two'), 'sh', '-c', 'mkdir /tmp/t$$; rmdir /tmp/t$$');
  const [one = [], two = []] = slots.map((slot) => workloadCalls(bpf, slot));
  assert.ok(one.includes('symlinkat') && !one.includes('mkdir'));
  assert.ok(two.includes('mkdir') && !two.includes('symlinkat'));
});

test('threads of a recorded process that are moved together into another container follow, and it is partial', async (context) => {
  const path = makeCgroup(context);
  const { bpf, events } = recordCgroup(context, path, { slots: 2, levels: 1, hostToo: true });
  mkdirSync(join(path, 'one'));
  mkdirSync(join(path, 'two'));
  bpf.drain();
  const [one = NO_SLOT, two = NO_SLOT] = events.filter(({ kind }) => kind === 'cgroup').map(({ slot }) => slot);
  const script = `
import os, sys, threading
go = threading.Event(); started = threading.Barrier(4)
def work():
    started.wait(); go.wait(); os.mkdir('/tmp/mt%d' % threading.get_ident()); os.rmdir('/tmp/mt%d' % threading.get_ident())
threads = [threading.Thread(target=work) for _ in range(3)]
for t in threads: t.start()
started.wait()
print('ready', flush=True)
sys.stdin.readline()
go.set()
for t in threads: t.join()
`;
  const child = spawn('sh', [
    '-c',
    'echo $$ >"$1/cgroup.procs"; exec python3 -c "$2"',
    'sh',
    join(path, 'one'),
    script,
  ]);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  writeFileSync(join(path, 'two', 'cgroup.procs'), `${child.pid}`);
  bpf.drain();
  assert.ok(events.some(({ kind, slot }) => kind === 'rescan' && slot === two));
  bpf.adopt(two);
  child.stdin.end('\n');
  await new Promise((resolve) => child.once('exit', resolve));
  assert.ok(workloadCalls(bpf, two).includes('mkdir'));
  assert.ok(!workloadCalls(bpf, one).includes('mkdir'));
  assert.equal(bpf.state(two).movedThreads, 3);
  assert.equal(bpf.state(one).live, 0);
  assert.equal(bpf.state(two).live, 0);
});

test('a recorded task that enters another namespace keeps its recording', async () => {
  await using session = await RecordingSession.start({
    command: ['nsenter', '--mount=/proc/self/ns/mnt', 'mkdir', '-p', '/tmp'],
  });
  const { calls, reasons } = await session.finished;
  assert.ok(calls.some(({ nr }) => nr === 83));
  assert.ok(
    calls.some(({ nr }) => nr === 308),
    'setns itself',
  );
  assert.deepEqual(reasons, []);
});

test('a host that starts other children meanwhile records only its command', async () => {
  const session = await RecordingSession.start({ command: ['sh', '-c', 'sleep 0.3; true'] });
  const other = new Running('sh', ['-c', 'ln -s x /tmp/other$$; rm /tmp/other$$']);
  await other.finished;
  readFileSync('/proc/self/status');
  const { calls } = await session.finished;
  assert.ok(!calls.some(({ nr }) => nr === 266 || nr === 88), 'no symlink');
});

test('a task that is gone costs those who get its stack nothing', async (context) => {
  const path = makeCgroup(context);
  recordCgroup(context, path, { hostToo: true });
  const script = `
import os, threading
for _ in range(20):
    if os.fork() == 0: os.execv('/bin/true', ['true'])
threads = [threading.Thread(target=os.getpid) for _ in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
for _ in range(20): os.wait()
while len(os.listdir('/proc/self/task')) > 1: pass
print('forked', flush=True)
input()`;
  const child = spawn('sh', ['-c', 'echo $$ >"$1/cgroup.procs"; exec python3 -c "$2"', 'sh', path, script]);
  context.after(() => child.kill());
  await new Promise((resolve) => child.stdout.once('data', resolve));
  assert.equal(tasksInStacks(), 1, 'the one that lives');
  child.stdin.end('\n');
  await new Promise((resolve) => child.once('exit', resolve));
  assert.equal(tasksInStacks(), 0);
});

test('tasks that the kernel is just making are not taken twice by who looks for them meanwhile', async (context) => {
  const path = makeCgroup(context);
  const { bpf, slot } = recordCgroup(context, path, { hostToo: true });
  let over = false;
  const forking = inCgroup(path, 'sh', '-c', 'i=0; while [ $i -lt 4000 ]; do (:); i=$((i+1)); done').finally(() => {
    over = true;
  });
  for (; !over; await new Promise((resolve) => setImmediate(resolve))) for (let left = 20; left > 0; left--) bpf.walk();
  assert.equal((await forking).code, 0);
  const { seeded, untagged, live, processes } = bpf.state(slot);
  assert.equal(live, 0);
  // A fork that preempts the walk in the middle of a storage operation gets no tag (kernel/bpf/bpf_task_storage.c: bpf_task_storage_busy): it
  // is counted as untagged, and the next walk may find it. Taken twice it would be seeded without having been untagged.
  assert.ok(seeded <= untagged, `${seeded} seeded, ${untagged} untagged`);
  assert.ok(processes > 4000);
});
