import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOADS } from './loads.ts';
import { type Case, recordContainer, runOutsider, runUnder } from './record.ts';
import { RUNTIMES } from './runtimes.ts';

const ONLY = new RegExp(process.env.CONTAINERS_ONLY ?? '');
const TIMEOUT = 120_000;

/** What a runtime calls to make a container, and none of the loads does. */
const RUNTIMES_OWN = ['mount', 'pivot_root', 'setns', 'unshare', 'umount2', 'sethostname', 'bpf', 'seccomp'];
const SIGSYS_STATUS = 128 + 31;

const CASES: readonly Case[] = RUNTIMES.flatMap((runtime) =>
  LOADS.flatMap((load) => [true, false].map((noNewPrivileges) => ({ runtime, load, noNewPrivileges }))),
);

function title({ runtime, load, noNewPrivileges }: Case): string {
  return `${load.image} by ${runtime.name}, no_new_privileges ${noNewPrivileges ? 'on' : 'off'}`;
}

for (const each of CASES.filter((candidate) => ONLY.test(title(candidate))))
  test(title(each), { timeout: TIMEOUT }, async (context) => {
    const { evidence, profile } = await recordContainer(each);
    assert.deepEqual(evidence.reasons, []);
    assert.equal(evidence.complete, true);
    const seen = evidence.syscalls.filter(({ sources }) => sources.includes('workload')).map(({ name }) => name);
    const names = profile.syscalls?.flatMap((rule) => rule.names) ?? [];
    context.diagnostic(`${seen.length} calls of the workload, ${names.length} names, ${evidence.processes} processes`);
    assert.deepEqual(
      RUNTIMES_OWN.filter((name) => names.includes(name)),
      [],
      "the runtime's own work is not the workload's",
    );
    assert.ok(seen.includes('ioprio_get'), `what was executed into the container: ${seen}`);

    const unhindered = await runOutsider(each, profile, false);
    assert.equal(unhindered.code, 0, `without a profile another program works: ${unhindered.stderr}`);
    for (const defaultAction of ['SCMP_ACT_ERRNO', 'SCMP_ACT_KILL_PROCESS']) {
      const enforced = { ...profile, defaultAction };
      await runUnder(each, enforced);
      const outsider = await runOutsider(each, enforced, true);
      if (defaultAction === 'SCMP_ACT_KILL_PROCESS') assert.equal(outsider.code, SIGSYS_STATUS, outsider.stderr);
      else assert.match(outsider.stdout, /^\d+ -1 1\n$/, `EPERM: ${outsider.stderr}`);
    }
  });
