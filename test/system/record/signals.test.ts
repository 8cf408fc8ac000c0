import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { observed, readEvidence, run, SYSCRIBE, start, temporary } from '../support/syscribe.ts';

// Tells what it gets, and ends with SIGTERM. It waits on a pipe that each signal writes into: one that comes just before
// pause() would be handled only after it.
const COUNTER = `
import os, signal, sys
def note(number, frame):
    print('got', signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM:
        os.mkdir('/tmp/term-%d' % os.getpid()); os.rmdir('/tmp/term-%d' % os.getpid())
        sys.exit(0)
for name in ('SIGINT', 'SIGUSR1', 'SIGTERM'):
    signal.signal(getattr(signal, name), note)
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)
print('ready', flush=True)
while True: os.read(reader, 1)
`;

test('signals are passed on to the command, and what its handler calls is recorded', async (context) => {
  const evidence = join(temporary(context), 'evidence');
  const recorder = start(['record', '-o', '/dev/null', '--evidence', evidence, '--', 'python3', '-c', COUNTER]);
  await recorder.until('stdout', /ready\n/);
  recorder.child.kill('SIGUSR1');
  await recorder.until('stdout', /got SIGUSR1\n/);
  recorder.child.kill('SIGTERM');
  const { code, stdout, stderr } = await recorder.finished;
  assert.equal(code, 0);
  assert.equal(stdout, 'ready\ngot SIGUSR1\ngot SIGTERM\n');
  assert.match(stderr, /syscribe: complete/);
  assert.ok(observed(readEvidence(evidence)).includes('mkdir'));
});

test('what the terminal sent to the whole group is not passed on a second time', async () => {
  // A pseudo terminal of which the recorder and its command are the foreground group, and Ctrl-C typed into it. What the
  // command writes goes through a pipe: a terminal mixes it with what the recorder writes.
  const driver = `
import os, pty, sys, threading
reader, writer = os.pipe()
pid, terminal = pty.fork()
if pid == 0:
    os.dup2(writer, 1)
    os.execv(sys.argv[1], [sys.argv[1], 'record', '-o', '/dev/null', '--', 'python3', '-c', sys.argv[2]])
os.close(writer)
shown = b''
def show():
    global shown
    try:
        while True: shown += os.read(terminal, 4096)
    except OSError: pass
screen = threading.Thread(target=show)
screen.start()
told = b''
def until(word):
    global told
    while word not in told:
        more = os.read(reader, 4096)
        if not more: sys.exit('ended early: %r %r' % (told, shown))
        told += more
until(b'ready')
os.write(terminal, b'\\x03')
until(b'got SIGINT')
# The command is asked to end through the recorder: both deliveries of SIGINT would have come before.
os.kill(pid, 15)
until(b'got SIGTERM')
screen.join()
print('interrupts', told.count(b'got SIGINT'))
print(shown.decode())
`;
  const { stdout, stderr } = await run('python3', '-c', driver, SYSCRIBE, COUNTER);
  assert.equal(stderr, '');
  assert.match(stdout, /^interrupts 1\n/);
  assert.match(stdout, /recording: \d+ syscalls, \d+ processes, last new one \d+ s ago/);
});

test('a second interrupt ends the recording of a command that does not end', async () => {
  const recorder = start([
    'record',
    '-o',
    '/dev/null',
    '--',
    'sh',
    '-c',
    'trap "" INT; echo $$; while :; do sleep 0.05; done',
  ]);
  const pid = Number((await recorder.until('stdout', /(\d+)\n/))[1]);
  recorder.child.kill('SIGINT');
  await recorder.until('stderr', /waiting for the command to end/);
  recorder.child.kill('SIGINT');
  await recorder.until('stderr', /partial: \d processes? still running/);
  process.kill(pid, 'SIGKILL');
  assert.equal((await recorder.finished).code, 0);
});
