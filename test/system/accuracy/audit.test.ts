import assert from 'node:assert/strict';
import { test } from 'node:test';
import { size, testsAll } from '../../support/sizes.ts';
import { recorded } from './execute.ts';
import { callName, compare } from './strace.ts';
import { WORKLOADS } from './workloads.ts';

const RUNS = size('AUDIT_RUNS');
/** As for strace: a call that depends on timing may be in none of the first recordings by eBPF. */
const MOST_REFERENCES = 12;

/** Those whose calls the kernel may not be able to log as fast as they are made. */
const BUSY = ['nginx under load', 'redis-server under redis-benchmark', 'postgres: initdb and pgbench'];
/** Where not all are tested: what is busy, and what only a log can get wrong (other ABIs, numbers of threads, short lives). */
const FEW = [
  ...BUSY,
  'a shell pipeline',
  'vfork, posix_spawn and clone3',
  'a static i386 program',
  'i386 processes that fork and execute a 64-bit program',
  'a thread that executes a program',
  'many short-lived processes',
];
const KERNEL_LOST = /^the kernel lost \d+ audit records/;

for (const workload of WORKLOADS.filter(({ name }) => testsAll() || FEW.includes(name)))
  test(`by log as by eBPF: ${workload.name}`, async (context) => {
    const references: Set<string>[] = [];
    const recordings: Set<string>[] = [];
    const times: [number, number] = [0, 0];
    for (let count = 0; count < RUNS; count += 1) {
      const begun = performance.now();
      references.push((await recorded(workload)).calls);
      const between = performance.now();
      const { calls, evidence } = await recorded(workload, ['--source', 'audit']);
      times[0] += between - begun;
      times[1] += performance.now() - between;
      const excused = (reason: string) => BUSY.includes(workload.name) && KERNEL_LOST.test(reason);
      assert.deepEqual(
        evidence.reasons.filter((reason) => !excused(reason)),
        [],
      );
      if (evidence.complete) recordings.push(calls);
    }
    let { missing, extra, sometimes } = compare(references, recordings);
    while (references.length < MOST_REFERENCES && (missing.length > 0 || extra.length > 0)) {
      references.push((await recorded(workload)).calls);
      ({ missing, extra, sometimes } = compare(references, recordings));
    }
    context.diagnostic(
      `${references[0]?.size} calls, ${references.length} by eBPF; sometimes: ${sometimes.map(callName).join(' ') || 'none'}; ` +
        `${Math.round(times[0])} ms by eBPF, ${Math.round(times[1])} ms by log, ${recordings.length} of these complete`,
    );
    assert.deepEqual(missing.map(callName), [], 'missing');
    assert.deepEqual(extra.map(callName), [], 'extra');
  });
