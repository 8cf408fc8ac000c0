import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { observed, readEvidence, run, SYSCRIBE, start, temporary } from '../support/syscribe.ts';

// Counts what it gets, and ends after the second SIGTERM.
const COUNTER = `
import os, signal, sys, time
seen = []
def note(number, frame):
    seen.append(number)
    print('got', signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM:
        os.mkdir('/tmp/term-%d' % os.getpid()); os.rmdir('/tmp/term-%d' % os.getpid())
        sys.exit(0)
for name in ('SIGINT', 'SIGUSR1', 'SIGTERM'):
    signal.signal(getattr(signal, name), note)
print('ready', flush=True)
while True: signal.pause()
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
  // A pseudo terminal of which the recorder and its command are the foreground group, and Ctrl-C typed into it.
  const driver = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], 'record', '-o', '/dev/null', '--', 'python3', '-c', sys.argv[2]])
output = b''
def until(word):
    global output
    while word not in output:
        output += os.read(terminal, 4096)
until(b'ready\\r\\n')
os.write(terminal, b'\\x03')
until(b'got SIGINT')
# The command is asked to end through the recorder: both deliveries of SIGINT would have come before.
os.kill(pid, 15)
try:
    while True:
        output += os.read(terminal, 4096)
except OSError:
    pass
print('interrupts', output.count(b'got SIGINT'))
print(output.decode())
`;
  const { stdout } = await run('python3', '-c', driver, SYSCRIBE, COUNTER);
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
