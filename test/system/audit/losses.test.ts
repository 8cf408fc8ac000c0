import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { start, syscribe, temporary } from '../support/syscribe.ts';
import { Auditd, limitBacklog } from './auditd.ts';
import { assertReported, Load, lost, serialsOf } from './load.ts';

const NEVER_CAME = 'events whose serial numbers never came';
const GETSID = /"syscall":"getsid"/;

test('a log that auditd renames again and again under load loses nothing', async (context) => {
  const auditd = await Auditd.start(context);
  const load = await Load.start(context);
  const audit = start(['audit', '--source', 'file', '--file', auditd.log]);
  await audit.until('stderr', /reading/);
  for (let round = 0; round < 12; round++) {
    const made = load.make(1000);
    auditd.rotate();
    await made;
  }
  // Behind all others in the log: what has not come by then never does.
  const last = await Load.start(context);
  await last.make(0);
  await audit.until('stdout', new RegExp(`"pid":${last.pid},`));
  audit.child.kill('SIGTERM');
  const { stdout, stderr } = await audit.finished;
  const serials = serialsOf(stdout, load.pid);
  assert.equal(serials.length, 12_000, stderr);
  assert.equal(new Set(serials).size, 12_000, 'none twice');
  assert.match(stderr, /nothing lost/);
});

test('a log that is copied and cut off under load (copytruncate): what was written in between is told', async (context) => {
  const auditd = await Auditd.start(context);
  const load = await Load.start(context);
  const audit = start(['audit', '--source', 'file', '--file', auditd.log]);
  await audit.until('stderr', /reading/);
  for (let round = 1; round <= 8; round++) {
    const made = load.make(2000);
    await audit.until('stdout', /getppid/, (round - 1) * 1000 + 1);
    copyFileSync(auditd.log, `${auditd.log}.${round}`);
    truncateSync(auditd.log);
    await made;
  }
  const last = await Load.start(context);
  await last.make(0);
  await audit.until('stdout', new RegExp(`"pid":${last.pid},`));
  audit.child.kill('SIGTERM');
  const { stdout, stderr } = await audit.finished;
  const serials = [...serialsOf(stdout, load.pid), ...serialsOf(stdout, load.pid, 'getsid')];
  const missing = 16_008 - serials.length;
  context.diagnostic(`${missing} of 16,008 were in neither, ${lost(stderr, NEVER_CAME)} told`);
  assert.equal(new Set(serials).size, serials.length, 'none twice');
  assertReported(lost(stderr, NEVER_CAME), missing, stderr);
});

test('a reader that is stopped and started again goes on where it was, in files that were renamed meanwhile', async (context) => {
  const auditd = await Auditd.start(context);
  const load = await Load.start(context);
  const options = ['--file', auditd.log, '--position-file', join(temporary(context), 'position')];
  let output = '';
  for (let round = 0; round < 4; round++) {
    const audit = start(['audit', '--source', 'file', ...options]);
    await audit.until('stderr', /reading/);
    await load.make(500);
    auditd.rotate();
    const made = load.make(500);
    await audit.until('stdout', GETSID);
    audit.child.kill('SIGTERM');
    const { stdout, stderr } = await audit.finished;
    assert.doesNotMatch(stderr, /lost:.*break/, stderr);
    output += stdout;
    await made;
    auditd.rotate();
    await load.make(500);
  }
  const rest = await syscribe(['audit', '--source', 'file', '--once', ...options]);
  const serials = serialsOf(output + rest.stdout, load.pid);
  assert.equal(new Set(serials).size, 6000);
  assert.equal(serials.length, 6000, 'none twice');
});

test('auditd ends: the source changes over and stays there, and what came from neither is counted', async (context) => {
  const log = hideAuditLog(context);
  const auditd = await Auditd.start(context, log);
  const load = await Load.start(context);
  const audit = start(['audit', '--source', 'auto']);
  await audit.until('stderr', /reading \/var\/log\/audit\/audit\.log: auditd runs/);
  const meanwhile = load.make(3000);
  await audit.until('stdout', /getppid/, 100);
  await auditd.stop();
  await audit.until('stderr', /auditd has ended\nsyscribe: reading the kernel's audit multicast group/);
  await meanwhile;
  await load.make(1000);
  // The group goes on beside an auditd that comes back.
  await auditd.startAgain();
  await load.make(1000);
  // After all others in the log: of the load's own marks one may have come from neither.
  const last = await Load.start(context);
  await last.make(0);
  await audit.until('stdout', new RegExp(`"pid":${last.pid},`));
  audit.child.kill('SIGTERM');
  const { stdout, stderr } = await audit.finished;
  const calls = [...serialsOf(stdout, load.pid), ...serialsOf(stdout, load.pid, 'getsid')];
  const missing = 5003 - calls.length;
  context.diagnostic(`${missing} of 5,003 came from neither, ${lost(stderr, NEVER_CAME)} told as missing`);
  assert.equal(new Set(calls).size, calls.length, 'none twice');
  // What auditd and the new listener cause themselves (CONFIG_CHANGE, EVENT_LISTENER) may have come from neither as well.
  assertReported(lost(stderr, NEVER_CAME), missing, stderr);
});

test('records that the kernel has no room for are told, as many as there were', async (context) => {
  const load = await Load.start(context);
  const audit = start(['audit', '--source', 'netlink']);
  await audit.until('stderr', /reading/);
  const restore = limitBacklog(1, 0);
  context.after(restore);
  const count = 20_000;
  await load.make(count);
  restore();
  await load.make(1);
  const got = () => serialsOf(audit.stdout, load.pid).length;
  await audit.until('stdout', GETSID);
  audit.child.kill('SIGTERM');
  const { stderr } = await audit.finished;
  const kernel = lost(stderr, 'records lost in the kernel');
  context.diagnostic(`${got()} of ${count + 1} came, the kernel lost ${kernel}`);
  assert.ok(kernel > 0, stderr);
  // The first getsid of the two may be among what was lost.
  const sids = serialsOf(audit.stdout, load.pid, 'getsid').length;
  assert.equal(got() + sids + kernel, count + 3, stderr);
});

test('a recording from the log that the kernel lost records of says so, and how many', async (context) => {
  const restore = limitBacklog(1, 0);
  context.after(restore);
  const file = join(temporary(context), 'profile');
  const calls = ['/usr/bin/python3', '-I', '-c', 'import os\nfor _ in range(20000): os.getppid()'];
  const { code, stderr } = await syscribe([
    'record',
    '--source',
    'audit',
    '-t',
    'raw-seccomp',
    '-o',
    file,
    '--',
    ...calls,
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^syscribe: partial: .*the kernel lost \d+ audit records/m);
});

test('a socket that overflows while its reader stands still is told, and how many did not come', async (context) => {
  const load = await Load.start(context);
  const audit = start(['audit', '--source', 'netlink']);
  await audit.until('stderr', /reading/);
  await load.make(100);
  await audit.until('stdout', GETSID);
  audit.child.kill('SIGSTOP');
  // More than the 32 MiB of the socket's buffer hold.
  const count = 200_000;
  await load.make(count);
  audit.child.kill('SIGCONT');
  await audit.until('stderr', /lost so far: .*overflow/);
  audit.child.kill('SIGTERM');
  const { stdout, stderr } = await audit.finished;
  const calls = serialsOf(stdout, load.pid).length + serialsOf(stdout, load.pid, 'getsid').length;
  const missing = 100 + count + 2 - calls;
  context.diagnostic(`${missing} of ${count} did not come, ${lost(stderr, NEVER_CAME)} told`);
  assert.ok(missing > 0);
  assertReported(lost(stderr, NEVER_CAME), missing, stderr);
  assert.ok(lost(stderr, 'overflows of the socket') > 0, stderr);
});

/** A file system of the test's own where auditd writes by default; what is there is covered meanwhile. */
function hideAuditLog(context: TestContext): string {
  mkdirSync('/var/log/audit', { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=700', 'syscribe-test', '/var/log/audit']);
  // Lazily: hooks run in order, and auditd still has its log there.
  context.after(() => execFileSync('umount', ['-l', '/var/log/audit']));
  return '/var/log/audit/audit.log';
}
