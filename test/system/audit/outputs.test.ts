import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { EnrichedEvent } from '../../../src/stream/event.ts';
import { until } from '../../support/until.ts';
import { start, syscribe, temporary } from '../support/syscribe.ts';
import { Auditd } from './auditd.ts';
import { assertReported, Load, lost, serialsOf } from './load.ts';

const DROPPED = 'events dropped since they were read too slowly';
const NEVER_CAME = 'events whose serial numbers never came';
const KILLS = 24;

test('killed at any moment and started again: every event at least once, in whole lines, those that come twice told by serial', async (context) => {
  const auditd = await Auditd.start(context);
  const load = await Load.start(context);
  const directory = temporary(context);
  const out = join(directory, 'audit.jsonl');
  const options = ['audit', '--source', 'file', '--file', auditd.log, '--out-file', out, '--max-size', '300k'];
  // Before, while and after it reads what is there; some behind the second after which it keeps its position.
  const moments = Array.from({ length: KILLS }, (_, round) => Math.random() * (round % 4 === 3 ? 2000 : 600));
  for (const [round, moment] of moments.entries()) {
    const audit = start([...options, '--from-start']);
    const made = load.make(500);
    if (round % 5 === 4) auditd.rotate();
    await Promise.race([setTimeout(moment), audit.finished]);
    audit.child.kill('SIGKILL');
    const { stderr, signal } = await audit.finished;
    assert.equal(signal, 'SIGKILL', stderr);
    await made;
  }
  const { code, stderr } = await syscribe([...options, '--once']);
  assert.equal(code, 0, stderr);
  const text = readdirSync(directory)
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('');
  const lines = text.trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line) as EnrichedEvent);
  const byKey = new Map(events.map((event) => [`${event.time} ${event.serial}`, event.seccomp]));
  for (const event of events) assert.deepEqual(event.seccomp, byKey.get(`${event.time} ${event.serial}`));
  const serials = serialsOf(text, load.pid);
  context.diagnostic(`killed after ${moments.map(Math.round).join(', ')} ms: ${serials.length} of ${KILLS * 500} came`);
  assert.equal(new Set(serials).size, KILLS * 500);
});

test('killed before anything was logged: the next goes on from where it began', async (context) => {
  const auditd = await Auditd.start(context);
  const load = await Load.start(context);
  const position = join(temporary(context), 'position');
  await load.make(10);
  const options = ['audit', '--source', 'file', '--file', auditd.log, '--position-file', position];
  const audit = start(options);
  const over = () => (audit.child.exitCode === null ? undefined : audit.stderr);
  await until('the position is kept', () => existsSync(position), { every: 1, over });
  audit.child.kill('SIGKILL');
  await audit.finished;
  await load.make(100);
  const rest = start(options);
  await rest.until('stdout', /getsid/);
  rest.child.kill('SIGTERM');
  assert.equal(serialsOf((await rest.finished).stdout, load.pid).length, 100);
});

test('a reader of standard output that stands still: from a file everything comes, however late', async (context) => {
  const auditd = await Auditd.start(context);
  const load = await Load.start(context);
  const audit = start(['audit', '--source', 'file', '--file', auditd.log]);
  await audit.until('stderr', /reading/);
  audit.child.stdout?.pause();
  await load.make(50_000);
  audit.child.stdout?.resume();
  await audit.until('stdout', /"syscall":"getsid"/);
  audit.child.kill('SIGTERM');
  const { stdout, stderr } = await audit.finished;
  assert.equal(serialsOf(stdout, load.pid).length, 50_000);
  assert.match(stderr, /nothing lost/);
});

test('a reader of standard output that stands still: from the kernel, what had no room is told', async (context) => {
  const load = await Load.start(context);
  const audit = start(['audit', '--source', 'netlink']);
  await audit.until('stderr', /reading/);
  audit.child.stdout?.pause();
  await load.make(200_000);
  await audit.until('stderr', /lost so far: .*read too slowly/);
  audit.child.stdout?.resume();
  // What waits to be given goes first.
  const last = await Load.start(context);
  let others = 0;
  for (; !new RegExp(`"pid":${last.pid},`).test(audit.stdout); others += 2) await last.make(1);
  audit.child.kill('SIGTERM');
  const { stdout, stderr } = await audit.finished;
  const missing = 200_001 - serialsOf(stdout, load.pid).length - serialsOf(stdout, load.pid, 'getsid').length;
  const told = lost(stderr, DROPPED) + lost(stderr, NEVER_CAME);
  context.diagnostic(`${missing} of 200,001 were not given, ${told} told`);
  assert.ok(missing > 0);
  // Of the other's calls some may have had no room either.
  assertReported(told, missing, stderr, others);
});

test('a full disk: the lines wait and are written when there is room; asked to end, it says what is not, and a restart gives it', async (context) => {
  const auditd = await Auditd.start(context);
  const load = await Load.start(context);
  const disk = smallDisk(context, '128k');
  const out = join(disk, 'audit.jsonl');
  const options = ['audit', '--source', 'file', '--file', auditd.log, '--out-file', out];
  const audit = start(options);
  await audit.until('stderr', /reading/);
  await load.make(1000);
  await audit.until('stderr', /cannot write .*audit\.jsonl \(ENOSPC\): waiting for room/);
  assert.match(readFileSync(out, 'utf8'), /\n$/, 'whole lines only');
  execFileSync('mount', ['-o', 'remount,size=1m', disk]);
  await audit.until('stderr', /writing .*audit\.jsonl again/);
  await load.make(5000);
  await audit.until('stderr', /\(ENOSPC\): waiting for room/, 2);
  audit.child.kill('SIGTERM');
  const { code, stderr } = await audit.finished;
  assert.equal(code, 2, stderr);
  assert.match(stderr, /audit\.jsonl: \d+ lines \(\d+ bytes\) not written.*\n.*remedy: Make room/s);
  execFileSync('mount', ['-o', 'remount,size=64m', disk]);
  const again = await syscribe([...options, '--once']);
  assert.equal(again.code, 0, again.stderr);
  const serials = serialsOf(readFileSync(out, 'utf8'), load.pid);
  assert.equal(new Set(serials).size, 6000);
});

function smallDisk(context: TestContext, size: string): string {
  let disk = '';
  // Hooks run in order: before the directory around it is removed.
  context.after(() => execFileSync('umount', ['-l', disk]));
  disk = join(temporary(context), 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'syscribe-test', disk]);
  return disk;
}
