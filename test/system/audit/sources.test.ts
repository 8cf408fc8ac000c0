import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { EnrichedEvent } from '../../../src/stream/event.ts';
import { makeCgroup } from '../support/kernel.ts';
import { Running, SYSCRIBE, syscribe, temporary } from '../support/syscribe.ts';
import { Load } from './load.ts';

const GETSID = /"syscall":"getsid"/;
const SYSLOG = fileURLToPath(new URL('../../corpus/kernel-syslog.log', import.meta.url));

/** Outside the initial network namespace, where the multicast group stays silent; `script` is run before. */
function elsewhere(script: string, ...args: string[]): Running {
  return new Running('unshare', ['--net', '--mount', 'sh', '-c', `${script} && exec "$@"`, 'sh', SYSCRIBE, ...args]);
}

/** A directory with a syslog to which all that the kernel prints goes, as a syslog daemon has it. */
async function followKernel(context: TestContext): Promise<string> {
  const directory = temporary(context);
  const limit = '/proc/sys/kernel/printk_ratelimit';
  const before = readFileSync(limit, 'utf8');
  context.after(() => writeFileSync(limit, before));
  writeFileSync(limit, '0');
  const mark = `syscribe-test-${process.pid}-${Date.now()}`;
  writeFileSync('/dev/kmsg', `${mark}\n`);
  // From the kernel's oldest line on: when the mark has come, it follows.
  const daemon = new Running('dmesg', ['--follow', '--nopager', '--color=never']);
  const log = openSync(join(directory, 'syslog'), 'a');
  daemon.child.stdout?.on('data', (text: string) =>
    writeSync(log, text.replace(/^(?=\[)/gm, 'Nov 23 21:51:00 n1 kernel: ')),
  );
  context.after(async () => {
    daemon.child.kill();
    await daemon.finished;
    closeSync(log);
  });
  await daemon.until('stdout', new RegExp(mark));
  return directory;
}

function eventsOf(output: string): EnrichedEvent[] {
  return output
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as EnrichedEvent);
}

test('the multicast group outside the initial network namespace is refused, with the remedy', async () => {
  const { code, stderr } = await elsewhere('true', 'audit', '--source', 'netlink').finished;
  assert.equal(code, 2);
  assert.match(stderr, /stays silent here\n.*remedy: Run in the initial network namespace/);
});

test('auto where nothing can be read says of each source why', async () => {
  const { code, stderr } = await elsewhere('mount -t tmpfs none /var/log', 'audit').finished;
  assert.equal(code, 2);
  assert.match(
    stderr,
    /not the kernel's audit multicast group: a logged call of our own did not arrive within a second/,
  );
  assert.match(
    stderr,
    /audit\.log \(auditd does not run\); .*group \(stays silent\); \/var\/log\/syslog.* \(no such files\)/,
  );
  assert.match(stderr, /remedy: Run as root in the initial network namespace/);
});

test('auto reads syslog where neither auditd nor the group can be read, and says why', async (context) => {
  const directory = await followKernel(context);
  const load = await Load.start(context);
  const audit = elsewhere(`mount --bind ${directory} /var/log`, 'audit', '--filter', `process.pid=${load.pid}`);
  await audit.until('stderr', /reading \/var\/log\/syslog: neither auditd nor the multicast group can be read/);
  await load.make(3);
  await audit.until('stdout', GETSID);
  audit.child.kill('SIGTERM');
  const { stdout } = await audit.finished;
  assert.deepEqual(
    eventsOf(stdout).map(({ seccomp }) => seccomp?.syscall),
    ['getppid', 'getppid', 'getppid', 'getsid'],
  );
});

test('a syslog of the past is read to its end; since, from the time on; filtered, what was asked for', async () => {
  const read = async (...options: string[]) => {
    const { code, stdout, stderr } = await syscribe([
      'audit',
      '--source',
      'syslog',
      '--file',
      SYSLOG,
      '--once',
      ...options,
    ]);
    assert.equal(code, 0, stderr);
    return eventsOf(stdout);
  };
  const expected = readFileSync(SYSLOG.replace(/log$/, 'expected.jsonl'), 'utf8').trim().split('\n');
  const all = await read('--from-start');
  assert.equal(all.length, expected.length);
  const middle = all[all.length >> 1] ?? assert.fail();
  const later = all.filter(({ time }) => time >= middle.time);
  assert.deepEqual(await read('--since', middle.time), later);
  const killed = all.filter(({ seccomp }) => seccomp?.action === 'kill_process');
  assert.ok(killed.length > 0 && killed.length < all.length);
  assert.deepEqual(await read('--from-start', '--filter', 'seccomp.action=kill_process'), killed);
});

test('without eBPF containers are told by /proc, and that those who are gone will not be known', async (context) => {
  const load = await Load.start(context); // Before its cgroup, which can be removed when it is gone.
  const id = 'beadfeed'.padEnd(64, '0');
  const cgroup = join(makeCgroup(context), id);
  mkdirSync(cgroup);
  writeFileSync(join(cgroup, 'cgroup.procs'), `${load.pid}`);
  const audit = new Running('setpriv', [
    '--bounding-set=-bpf,-perfmon,-sys_admin',
    ...[SYSCRIBE, 'audit', '--source', 'netlink', '--filter', `process.pid=${load.pid}`],
  ]);
  await audit.until('stderr', /will not be known: not allowed to load BPF programs.*reading the kernel's/s);
  await load.make(1);
  await audit.until('stdout', GETSID);
  audit.child.kill('SIGTERM');
  const { stdout } = await audit.finished;
  assert.deepEqual(
    eventsOf(stdout).map(({ container }) => container?.id),
    [id, id],
  );
});
