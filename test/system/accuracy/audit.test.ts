import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recorded } from './execute.ts';
import { callName, compare } from './strace.ts';
import { WORKLOADS } from './workloads.ts';

const RUNS = 3;
/** As for strace: a call that depends on timing may be in none of the first recordings by eBPF. */
const MOST_REFERENCES = 12;
const ONLY = new RegExp(process.env.ACCURACY_ONLY ?? '');

/** Those whose calls the kernel may not be able to log as fast as they are made. */
const BUSY = ['nginx under load', 'redis-server under redis-benchmark', 'postgres: initdb and pgbench'];
const KERNEL_LOST = /^the kernel lost \d+ audit records/;

for (const workload of WORKLOADS.filter(({ name }) => ONLY.test(name)))
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
