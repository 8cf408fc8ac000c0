import assert from 'node:assert/strict';
import { release } from 'node:os';
import { syscallNumber } from '../../../src/kernel/syscalls.ts';
import { mergeProfiles, recorded, runUnder, traced } from './execute.ts';
import { callName, compare, NATIVE } from './strace.ts';
import { program, type Workload } from './workloads.ts';

/** Default actions under which a workload must run: the one that refuses, and the one that does not forgive. */
export const ACTIONS = ['SCMP_ACT_ERRNO', 'SCMP_ACT_KILL_PROCESS'] as const;

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

/**
 * Records a workload as often as it is traced, and compares. A call that depends on timing (postgres grows a buffer, a lock is
 * contended) may be in a recording and in none of the first traces. The reference then grows, fourfold at most: a call that was
 * made up is in no trace however many there are, and one that the recorder lost is in all of them.
 * @returns the profiles, and how the runs differed.
 * @throws AssertionError with the calls that are missing or made up.
 */
export async function sameAsStrace(workload: Workload, runs: number): Promise<{ profiles: string[]; summary: string }> {
  const traces: Set<string>[] = [];
  const recordings: Set<string>[] = [];
  const profiles: string[] = [];
  for (let count = 0; count < runs; count += 1) {
    if (count < (workload.traces ?? runs)) traces.push(await traced(workload));
    const { calls, evidence, profile } = await recorded(workload);
    assert.deepEqual(
      evidence.reasons.filter((reason) => !(PREEMPTIBLE && /skipped by the kernel/.test(reason))),
      [],
    );
    recordings.push(calls);
    profiles.push(profile);
  }
  let { missing, extra, sometimes } = compare(traces, recordings);
  while (traces.length < 4 * runs && (missing.some(notCausedByStrace) || extra.length > 0)) {
    traces.push(await traced(workload));
    ({ missing, extra, sometimes } = compare(traces, recordings));
  }
  assert.deepEqual(missing.filter(notCausedByStrace).map(callName), [], 'missing');
  assert.deepEqual(extra.map(callName), [], 'extra');
  const summary =
    `${traces[0]?.size} calls, ${recordings.length} recordings, ${traces.length} traces; ` +
    `sometimes: ${sometimes.map(callName).join(' ') || 'none'}`;
  return { profiles, summary };
}

/**
 * Runs a workload under what its recordings allow, merged: what a call depends on (timing, buffers) may differ from run to run.
 * A program that needs another call must fail under it.
 */
export async function runsUnder(workload: Workload, profiles: readonly string[], action: string): Promise<void> {
  assert.ok(profiles.length > 0, 'there are recordings of it');
  const profile = await mergeProfiles(profiles, action);
  const { stderr } = await runUnder(workload, profile);
  assert.doesNotMatch(stderr, /killed by the profile/);
  await assert.rejects(runUnder(outsider(profile), profile), 'a program that needs another call fails');
}

/** A program that makes a call which the profile does not list. */
function outsider(profile: string): Workload {
  const allowed = JSON.parse(profile).syscalls.flatMap(({ names }: { names: string[] }) => names);
  const call = ['getsid', 'getpriority', 'capget'].find((name) => !allowed.includes(name)) ?? assert.fail();
  return { name: call, prepare: () => program('calls', `${syscallNumber(NATIVE, call)}`) };
}
