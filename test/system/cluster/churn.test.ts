import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { size, testsAll } from '../../support/sizes.ts';
import { useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';
import { processesOf } from './parts.ts';
import { callsOf, completeness } from './watched.ts';

const cluster = useInstalledCluster();
const SCRIPT = 'mkdir /tmp/x; ln -s a /tmp/x/y; rm -r /tmp/x';
const PODS = size('PODS');
const AT_ONCE = 8;
const APPLIES = size('APPLIES');
/** Each waits some seconds for a status. */
const WORKERS = 10;
/** Bytes that the collector of garbage leaves now and then: an agent of few pods has not settled yet. */
const GROWTH = testsAll() ? 5_000_000 : 25_000_000;

/** What the program does, recorded at leisure. */
async function calm(): Promise<string[]> {
  const spec = podSpec([{ name: 'c', script: SCRIPT }]);
  await cluster.apply(namespace('calm'), recording('calm', 'calm'));
  await cluster.eyes.recordings.until('calm/calm');
  await cluster.apply(pod('calm', 'calm', 'calm', spec));
  const calls = callsOf(await cluster.final('calm-c'));
  assert.ok(['mkdir', 'symlink', 'rmdir'].every((call) => calls.includes(call)));
  return calls;
}

/** Resident memory of the agent, in bytes. */
function resident(): number {
  const [pid, ...others] = processesOf('agent');
  assert.deepEqual([others.length, pid === undefined], [0, false], 'there is one agent');
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

test(`${APPLIES} times a recording and its pod in one file: each is recorded from its first process on`, {
  ...cluster.options,
  timeout: 60_000 + APPLIES * 4000,
}, async (context) => {
  const { eyes, apply, remove } = cluster;
  const expected = await calm();
  await apply(namespace('applied'));
  const left = Array.from({ length: APPLIES }, (_, index) => `r${index}`);
  const differing: string[] = [];
  const worker = async () => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      await apply(recording('applied', name), pod('applied', name, name, podSpec([{ name: 'c', script: SCRIPT }])));
      const calls = callsOf(await cluster.final(`${name}-c`));
      const { status } = await eyes.recordings.until(
        `applied/${name}`,
        (one) => one.status?.pods === 0 && one.status.containers?.[0]?.done === 1,
      );
      const told = completeness({ status } as Parameters<typeof completeness>[0]);
      if (told?.status !== 'True' || calls.join() !== expected.join())
        differing.push(`${name}: ${told?.reason}: ${told?.message}: ${calls}`);
      await remove('-n', 'applied', 'pod', name);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
  assert.deepEqual(differing, []);
  context.diagnostic(`${APPLIES} of ${APPLIES} complete`);
});

test(`${PODS} pods in a row, ${AT_ONCE} at a time: as many right profiles, and the agent’s memory does not grow`, {
  ...cluster.options,
  timeout: 60_000 + PODS * 4000,
}, async (context) => {
  const { apply, remove } = cluster;
  const expected = callsOf(await cluster.final('calm-c'));
  await apply(namespace('churn'), recording('churn', 'churn'));
  const left = Array.from({ length: PODS }, (_, index) => `p${index}`);
  const memory: number[] = [];
  const worker = async () => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      await apply(pod('churn', name, 'churn', { ...podSpec([{ name: `c-${name}`, script: SCRIPT }]) }));
      const profile = await cluster.final(`churn-c-${name}`);
      assert.deepEqual(callsOf(profile), expected, name);
      assert.equal((await cluster.ended(`churn/${name}`)).status?.phase, 'Succeeded', name);
      // What stays in the cluster, the agent would have to keep: only what it should forget is of interest.
      await remove('-n', 'churn', 'pod', name);
      await remove('seccompprofile', profile.metadata.name);
      memory.push(resident());
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  assert.equal(memory.length, PODS);
  const quarters = [0, 1, 2, 3].map((quarter) =>
    median(memory.slice((quarter * PODS) / 4, ((quarter + 1) * PODS) / 4)),
  );
  const [first = Number.NaN, last = Number.NaN] = [quarters[1], quarters[3]];
  context.diagnostic(`resident, by quarters: ${quarters.map((bytes) => `${Math.round(bytes / 1e6)} MB`).join(', ')}`);
  assert.ok(last - first < GROWTH, `${first} has become ${last}`);
});
