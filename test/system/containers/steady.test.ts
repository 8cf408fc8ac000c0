import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { size } from '../../support/sizes.ts';
import { cgroupId, makeCgroup, NO_SLOT, recordCgroup, workloadCalls } from '../support/kernel.ts';
import { Running, run } from '../support/syscribe.ts';
import { IMAGES, makeBundle } from './bundle.ts';
import { makeRoot } from './root.ts';
import { Runtime } from './runtime.ts';

const CONTAINERS = size('CONTAINERS');
const AT_ONCE = 8;
/** Few calls, all certain: what differs between two runs of it would be the recorder's doing. */
const SCRIPT = ['/bin/sh', '-c', 'mkdir /data/d; id >/dev/null; ls /data >/dev/null; rmdir /data/d'];

/** Keeps every CPU busy until it is told to stop. */
function load(): Running[] {
  return Array.from({ length: availableParallelism() * 2 }, () => new Running('sh', ['-c', 'while :; do :; done']));
}

test(`${CONTAINERS} containers of the same image under CPU load give ${CONTAINERS} identical sets`, async (context) => {
  const path = makeCgroup(context);
  const { bpf, events } = recordCgroup(context, path, { slots: CONTAINERS, levels: 1, ringBytes: 1 << 22 });
  const [image] = IMAGES;
  assert.ok(image);
  const root = makeRoot(image.name);
  const runtime = new Runtime('runc', 'runc');
  const burners = load();
  context.after(() => {
    for (const { child } of burners) child.kill('SIGKILL');
  });
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < CONTAINERS; index = next++) {
      const { bundle } = makeBundle({ root, cgroup: join(path, `c${index}`), args: SCRIPT, noNewPrivileges: true });
      const { code, stderr } = await runtime.run(`steady-${process.pid}-${index}`, bundle).finished;
      assert.equal(code, 0, stderr);
      await run('rm', '-rf', bundle);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  bpf.drain();
  const born = events.filter(({ kind }) => kind === 'cgroup');
  assert.equal(born.length, CONTAINERS);
  const sets = new Map<string, number>();
  for (const { slot } of born) {
    const key = workloadCalls(bpf, slot).join(' ');
    sets.set(key, (sets.get(key) ?? 0) + 1);
    const { untagged, movedThreads, live } = bpf.state(slot);
    assert.deepEqual({ untagged, movedThreads, live }, { untagged: 0, movedThreads: 0, live: 0 });
  }
  assert.equal(sets.size, 1, `${[...sets].map(([key, many]) => `${many}: ${key}`).join('\n')}`);
  assert.match([...sets.keys()][0] ?? '', /mkdir .*rmdir/);
  assert.deepEqual(bpf.counters(), { noSlot: 0, membersFull: 0, busy: 0, unremoved: 0 });
  assert.equal(bpf.misses(), 0);
});

test('a SCHED_FIFO task that preempts a recorded one on the same CPU loses nothing', async (context) => {
  const path = makeCgroup(context);
  const { bpf, slot } = recordCgroup(context, path, { hostToo: true });
  assert.notEqual(slot, NO_SLOT);
  assert.ok(bpf.isMember(cgroupId(path)));
  // The preemptor wakes 2,000 times a second and makes calls of its own, in the same cgroup, on the same CPU.
  const preemptor = `
import os, time
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
print('ready', flush=True)
while True:
    time.sleep(0.0005); os.getpgid(0)
`;
  const enter = 'echo $$ >"$1/cgroup.procs"; shift; exec taskset -c 0 "$@"';
  const fifo = new Running('sh', ['-c', enter, 'sh', path, 'python3', '-c', preemptor]);
  await fifo.until('stdout', /ready/);
  const script =
    'i=0; while [ $i -lt 300 ]; do mkdir /tmp/f$$; rmdir /tmp/f$$; i=$((i+1)); done; ln -s x /tmp/f$$; rm /tmp/f$$';
  const { code } = await run('sh', '-c', enter, 'sh', path, 'sh', '-c', script);
  fifo.child.kill('SIGKILL');
  await fifo.finished; // The cgroup cannot be removed before.
  assert.equal(code, 0);
  const calls = workloadCalls(bpf, slot);
  for (const name of ['mkdir', 'rmdir', 'symlinkat', 'getpgid', 'wait4'])
    assert.ok(calls.includes(name), `${name}: ${calls}`);
  assert.equal(bpf.state(slot).untagged, 0);
  assert.equal(bpf.misses(), 0);
});
