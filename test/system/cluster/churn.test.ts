import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';
import { processesOf } from './parts.ts';
import { callsOf, completeness, isPartial, type Profile } from './watched.ts';

const cluster = useInstalledCluster();
const SCRIPT = 'mkdir /tmp/x; ln -s a /tmp/x/y; rm -r /tmp/x';
const PODS = 200;
const AT_ONCE = 4;
/** `SYSCRIBE_TEST_APPLIES=500 node --test …` for as many as the claim is made for. */
const APPLIES = Number(process.env.SYSCRIBE_TEST_APPLIES ?? 40);
/** Each waits some seconds for a status. */
const WORKERS = 10;
/** Bytes: the pods and their profiles stay in the cluster, and in what the agent has of it; and what the collector of garbage leaves. */
const GROWTH = 25_000_000;

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

test(
  `${PODS} pods one after the other: as many right profiles, and the agent’s memory grows by what it has of them alone`,
  cluster.options,
  async (context) => {
    const { eyes, apply } = cluster;
    const expected = callsOf(await cluster.final('calm-c'));
    const template = {
      metadata: { labels: { app: 'job' } },
      spec: { ...podSpec([{ name: 'c', script: SCRIPT }]), restartPolicy: 'Never' },
    };
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { namespace: 'churn', name: 'churn' },
      spec: { completions: PODS, parallelism: AT_ONCE, template },
    };
    await apply(namespace('churn'), recording('churn', 'job'), job);
    const memory: number[] = [];
    const done = (all: Profile[]) =>
      all.filter(({ metadata }) => metadata.name.startsWith('job-c-')).filter((profile) => !isPartial(profile));
    for (let count = 1; count <= PODS; count++) {
      await eyes.profiles.all((all) => done(all).length >= count);
      memory.push(resident());
    }
    const profiles = done(eyes.profiles.list());
    assert.equal(profiles.length, PODS);
    for (const profile of profiles) assert.deepEqual(callsOf(profile), expected, profile.metadata.name);
    const { status } = await eyes.recordings.until(
      'churn/job',
      (one) => one.status?.pods === 0 && one.status.containers?.[0]?.done === PODS,
    );
    assert.equal(status?.containers?.[0]?.complete, 'True');
    const [first, last] = [memory.slice(0, PODS / 4), memory.slice(-PODS / 4)].map(median) as [number, number];
    context.diagnostic(`resident: ${Math.round(first / 1e6)} MB, then ${Math.round(last / 1e6)} MB`);
    assert.ok(last - first < GROWTH, `${first} has become ${last}`);
  },
);
