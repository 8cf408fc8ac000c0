import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { observed, Running, readEvidence, start, syscribe, temporary } from '../support/syscribe.ts';

// Waits for a line on standard input, then has a thread and a child make one call each that nobody made before.
const WORKER = `
import os, sys, threading, time
ready = threading.Event(); go = threading.Event()
def thread():
    ready.set(); go.wait(); os.symlink('x', '/tmp/l%d' % os.getpid()); os.unlink('/tmp/l%d' % os.getpid())
t = threading.Thread(target=thread); t.start(); ready.wait()
child = os.fork()
if child == 0:
    os.read(int(sys.argv[1]), 1); os.mkdir('/tmp/d%d' % os.getpid()); os.rmdir('/tmp/d%d' % os.getpid()); os._exit(0)
print('ready', os.getpid(), flush=True)
`;

const REST = `
with open(sys.argv[2]) as fifo: fifo.read()
go.set(); t.join(); os.waitpid(child, 0)
`;

async function worker(context: TestContext): Promise<{ process: Running; pid: number; go: () => void }> {
  const fifo = join(temporary(context), 'fifo');
  await new Running('mkfifo', [fifo]).finished;
  const script = `import os, sys\nr, w = os.pipe()\nsys.argv[1] = str(r)\n${WORKER.replace('\nready =', '\nready =')}${REST.replace('go.set()', "os.write(w, b'x'); go.set()")}`;
  const process = new Running('python3', ['-c', script, '0', fifo]);
  const pid = Number((await process.until('stdout', /ready (\d+)/))[1]);
  return { process, pid, go: () => writeFileSync(fifo, 'x') };
}

test('--pid records threads and children that already ran, the call each is blocked in, and says partial', async (context) => {
  const { process, pid, go } = await worker(context);
  const evidence = join(temporary(context), 'evidence');
  const recorder = start(['record', '-o', '/dev/null', '--evidence', evidence, '--pid', `${pid}`]);
  await recorder.until('stderr', /recording/);
  go();
  await process.finished;
  const { code, stderr } = await recorder.finished;
  assert.equal(code, 0);
  assert.match(stderr, /partial: recording began after the workload/);
  const names = observed(readEvidence(evidence));
  // The thread's and the child's own calls; and the three that were blocked: futex, read of a pipe, open of a fifo.
  for (const name of ['symlink', 'mkdir', 'futex', 'read', 'openat'])
    assert.ok(names.includes(name), `${name}: ${names}`);
  const blocked = readEvidence(evidence).syscalls.filter(({ first }) => first === undefined);
  assert.ok(
    blocked.some(({ name }) => name === 'read'),
    'the blocked read has no first sighting',
  );
});

test('--pid of nobody is refused', async () => {
  const { code, stderr } = await syscribe(['record', '--pid', '4194303']);
  assert.equal(code, 125);
  assert.match(stderr, /there is no process 4194303/);
});

function cgroup(context: TestContext): string {
  const root = readFileSync('/proc/self/mountinfo', 'utf8').match(/ (\/\S+) .* - cgroup2 /)?.[1];
  assert.ok(root, 'a v2 hierarchy is mounted');
  const path = join(root, `syscribe-test-${process.pid}-${Math.floor(performance.now())}`);
  mkdirSync(path);
  context.after(() => rmdirSync(path));
  return path;
}

test('--cgroup of running processes is partial and records those moved in with their descendants', async (context) => {
  const path = cgroup(context);
  const { process, pid, go } = await worker(context);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  for (const each of [pid, ...children]) writeFileSync(join(path, 'cgroup.procs'), `${each}`);
  const evidence = join(temporary(context), 'evidence');
  const recorder = start(['record', '-o', '/dev/null', '--evidence', evidence, '--cgroup', path]);
  await recorder.until('stderr', /recording/);
  go();
  await process.finished;
  const { stderr } = await recorder.finished;
  assert.match(stderr, /partial: /);
});

test('a path that is no cgroup, and one that does not exist, are refused with the remedy', async () => {
  for (const [path, pattern] of [
    ['/tmp', /is not a cgroup/],
    ['/sys/fs/cgroup/none', /cannot open the cgroup/],
  ] as const) {
    const { code, stderr } = await syscribe(['record', '--cgroup', path]);
    assert.equal(code, 125);
    assert.match(stderr, pattern);
    assert.match(stderr, /remedy: /);
  }
});

test('a container that does not run is refused', async () => {
  const { code, stderr } = await syscribe(['record', '--container', 'deadbeef']);
  assert.equal(code, 125);
  assert.match(stderr, /no running container has an id that starts with deadbeef/);
});
