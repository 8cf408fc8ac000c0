import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { EnrichedEvent } from '../../../src/stream/event.ts';
import { makeCgroup } from '../support/kernel.ts';
import { Running, SYSCRIBE, start, temporary } from '../support/syscribe.ts';

const SHORT_LIVED = fileURLToPath(new URL('../programs/.output/short-lived', import.meta.url));
const PID_MAX = '/proc/sys/kernel/pid_max';
const EACH = 2500;
const CONTAINERS = { getpgid: 'a'.repeat(64), exit_group: 'b'.repeat(64) };

test('5,000 processes that are gone at once, in two containers, their numbers used again and again: all attributed', async (context) => {
  const cgroup = makeCgroup(context);
  const directory = temporary(context);
  const audit = start(['audit', '--source', 'netlink', '--filter', 'seccomp.syscall!=execve']);
  await audit.until('stderr', /reading/);
  lowerPidMax(context, 1500);
  const begun = performance.now();
  const loads = Object.entries(CONTAINERS).map(([syscall, id]) => {
    const container = join(cgroup, id);
    mkdirSync(container);
    // What is logged tells which of the two a record is of.
    const profile = join(directory, `${syscall}.json`);
    const rule = { names: [syscall], action: 'SCMP_ACT_LOG' };
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] }));
    const enter = 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"';
    const command = [SYSCRIBE, 'run', '-p', profile, '--', SHORT_LIVED, `${EACH}`];
    return new Running('sh', ['-c', enter, 'sh', container, ...command]).finished;
  });
  for (const { code, stderr } of await Promise.all(loads)) assert.equal(code, 0, stderr);
  const each = (performance.now() - begun) / EACH;
  await audit.until('stdout', /"syscall":"exit_group"/, EACH + 1);
  await audit.until('stdout', /"syscall":"getpgid"/, EACH);
  audit.child.kill('SIGTERM');
  const { stdout, stderr } = await audit.finished;
  const events = stdout
    .split('\n')
    .filter(Boolean)
    .map((line): EnrichedEvent => JSON.parse(line))
    .filter(({ process }) => process?.comm === 'short-lived');
  const pids = Object.keys(CONTAINERS).map(
    (syscall) =>
      new Set(events.flatMap(({ seccomp, process }) => (seccomp?.syscall === syscall ? [process?.pid] : []))),
  );
  const both = [...(pids[0] ?? [])].filter((pid) => pids[1]?.has(pid)).length;
  context.diagnostic(`${each.toFixed(1)} ms each; ${both} numbers were used in both containers`);
  assert.ok(both > 100, 'numbers are used again');
  for (const [syscall, id] of Object.entries(CONTAINERS)) {
    const owners = events.filter(({ seccomp }) => seccomp?.syscall === syscall).map(({ container }) => container?.id);
    // The parent ends by exit_group, too.
    assert.equal(owners.length, syscall === 'exit_group' ? EACH + 1 : EACH, stderr);
    assert.deepEqual([...new Set(owners)], [id]);
  }
});

function lowerPidMax(context: TestContext, limit: number): void {
  const before = readFileSync(PID_MAX, 'utf8');
  context.after(() => writeFileSync(PID_MAX, before));
  writeFileSync(PID_MAX, `${limit}\n`);
}
