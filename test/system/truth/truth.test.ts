import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execute, recorded } from '../accuracy/execute.ts';
import { compare } from '../accuracy/strace.ts';
import type { Workload } from '../accuracy/workloads.ts';
import { parseStrace } from './strace.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));
const RUNS = Number(process.env.TRUTH_RUNS ?? 10);

/** Two architectures in one tree of processes, so that numbers of one could be taken for the other's. */
const MIXED: Workload = {
  name: 'a 32-bit program with a 32-bit and a 64-bit child',
  prepare: (directory) => [`${FIXTURES}.output/i386-fork`, '/bin/mkdir', `${directory}/made`],
};

before(() => {
  execFileSync('make', ['--no-print-directory', '-C', FIXTURES], { stdio: ['ignore', 'inherit', 'inherit'] });
});

test(`as strace sees it: ${MIXED.name}`, {
  skip: process.arch !== 'x64' && 'x86_64 alone has i386',
}, async (context) => {
  const traces: Set<string>[] = [];
  const recordings: Set<string>[] = [];
  for (let count = 0; count < RUNS; count += 1) {
    const { text } = await execute(MIXED, (file) => ['strace', '-f', '-n', '--quiet=attach,exit', '-o', file]);
    traces.push(parseStrace(text));
    const { calls, evidence } = await recorded(MIXED);
    assert.deepEqual(evidence.reasons, []);
    recordings.push(calls);
  }
  const { missing, extra, sometimes } = compare(traces, recordings);
  context.diagnostic(`${traces[0]?.size} calls, ${RUNS} runs; sometimes: ${sometimes.join(' ') || 'none'}`);
  assert.deepEqual({ missing, extra }, { missing: [], extra: [] });
  // By the parent alone: a mistake of both the parser and the recorder would not differ.
  for (const call of ['i386:2', 'i386:7', 'i386:11', 'i386:20', 'i386:199', 'x86_64:83'])
    assert.ok(
      recordings.every((recording) => recording.has(call)),
      call,
    );
  for (const call of ['x86_64:20', 'x86_64:199', 'x86_64:2', 'x86_64:7'])
    assert.ok(!recordings.some((recording) => recording.has(call)), call);
});
