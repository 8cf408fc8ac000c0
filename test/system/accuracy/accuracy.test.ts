import assert from 'node:assert/strict';
import { release } from 'node:os';
import { test } from 'node:test';
import { syscallNumber } from '../../../src/kernel/syscalls.ts';
import { mergeProfiles, recorded, runUnder, traced } from './execute.ts';
import { callName, compare, NATIVE } from './strace.ts';
import { program, WORKLOADS, type Workload } from './workloads.ts';

const RUNS = Number(process.env.ACCURACY_RUNS ?? 10);
/**
 * A call that depends on timing (postgres grows a buffer, a lock is contended) may be in a recording and in
 * none of the first traces. The reference then grows: a call that was made up is in no trace however many there are, and one
 * that the recorder lost is in all of them.
 */
const MOST_TRACES = 4 * RUNS;
const ONLY = new RegExp(process.env.ACCURACY_ONLY ?? '');

/**
 * What strace shows and a recorder cannot, since strace itself causes it: its stops interrupt sleeping calls, which the
 * kernel then resumes by restart_syscall (ptrace(2), "Signal-delivery-stop").
 */
const CAUSED_BY_STRACE = ['restart_syscall'];

function notCausedByStrace(call: string): boolean {
  return !CAUSED_BY_STRACE.includes(callName(call));
}

/**
 * From Linux 7 on, tracepoint programs are preempted: the kernel then counts calls as skipped that may or may not have been
 * seen by the second program, and the recording says so. What it holds must be whole all the same.
 */
const PREEMPTIBLE = Number.parseInt(release(), 10) >= 7;

for (const workload of WORKLOADS.filter(({ name }) => ONLY.test(name))) {
  const profiles: string[] = [];

  test(`as strace sees it: ${workload.name}`, async (context) => {
    const traces: Set<string>[] = [];
    const recordings: Set<string>[] = [];
    for (let count = 0; count < RUNS; count += 1) {
      if (count < (workload.traces ?? RUNS)) traces.push(await traced(workload));
      const { calls, evidence, profile } = await recorded(workload);
      assert.deepEqual(
        evidence.reasons.filter((reason) => !(PREEMPTIBLE && /skipped by the kernel/.test(reason))),
        [],
      );
      recordings.push(calls);
      profiles.push(profile);
    }
    let { missing, extra, sometimes } = compare(traces, recordings);
    while (traces.length < MOST_TRACES && (missing.some(notCausedByStrace) || extra.length > 0)) {
      traces.push(await traced(workload));
      ({ missing, extra, sometimes } = compare(traces, recordings));
    }
    context.diagnostic(
      `${traces[0]?.size} calls, ${recordings.length} recordings, ${traces.length} traces; ` +
        `sometimes: ${sometimes.map(callName).join(' ') || 'none'}`,
    );
    assert.deepEqual(missing.filter(notCausedByStrace).map(callName), [], 'missing');
    assert.deepEqual(extra.map(callName), [], 'extra');
  });

  // The recordings merged: what a call depends on (timing, buffers) may differ from run to run.
  for (const action of ['SCMP_ACT_ERRNO', 'SCMP_ACT_KILL_PROCESS'])
    test(`under its own profile with ${action}: ${workload.name}`, async () => {
      assert.ok(profiles.length > 0, 'there are recordings of it');
      const profile = await mergeProfiles(profiles, action);
      const { stderr } = await runUnder(workload, profile);
      assert.doesNotMatch(stderr, /killed by the profile/);
      await assert.rejects(runUnder(outsider(profile), profile), 'a program that needs another call fails');
    });
}

/** A program that makes a call which the profile does not list. */
function outsider(profile: string): Workload {
  const allowed = JSON.parse(profile).syscalls.flatMap(({ names }: { names: string[] }) => names);
  const call = ['getsid', 'getpriority', 'capget'].find((name) => !allowed.includes(name)) ?? assert.fail();
  return { name: call, prepare: () => program('calls', `${syscallNumber(NATIVE, call)}`) };
}
