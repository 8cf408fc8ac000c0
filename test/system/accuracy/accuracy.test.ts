import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Abi } from '../../../src/kernel/abi.ts';
import { syscallName } from '../../../src/kernel/syscalls.ts';
import { recorded, traced } from './execute.ts';
import { compare } from './strace.ts';
import { WORKLOADS } from './workloads.ts';

const RUNS = Number(process.env.ACCURACY_RUNS ?? 10);

/**
 * What strace shows and a recorder cannot, since strace itself causes it: its stops interrupt sleeping calls, which the
 * kernel then resumes by restart_syscall (ptrace(2), "Signal-delivery-stop").
 */
const CAUSED_BY_STRACE = new Set(['x86_64:219', 'i386:0']);

function named(call: string): string {
  const [abi = '', nr = ''] = call.split(':');
  return `${syscallName(abi as Abi, Number(nr)) ?? nr}${abi === 'x86_64' ? '' : ` (${abi})`}`;
}

for (const workload of WORKLOADS) {
  test(`as strace sees it: ${workload.name}`, async (context) => {
    const traces: Set<string>[] = [];
    const recordings: Set<string>[] = [];
    for (let count = 0; count < RUNS; count += 1) {
      traces.push(await traced(workload));
      const { calls, evidence } = await recorded(workload);
      assert.deepEqual(evidence.reasons, []);
      recordings.push(calls);
    }
    const { missing, extra, sometimes } = compare(traces, recordings);
    context.diagnostic(
      `${traces[0]?.size} calls, ${RUNS} runs; sometimes: ${sometimes.map(named).join(' ') || 'none'}`,
    );
    assert.deepEqual(missing.filter((call) => !CAUSED_BY_STRACE.has(call)).map(named), [], 'missing');
    assert.deepEqual(extra.map(named), [], 'extra');
  });
}
