/** A cluster of many nodes by simulation: their agents' requests, a real API server, and the real operator. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { FLAGS } from '../../scripts/image.ts';
import { ANNOTATIONS, LABELS } from '../../src/api/names.ts';
import { namespace, recording } from '../system/cluster/manifests.ts';
import type { Profile } from '../system/cluster/watched.ts';
import { CRDS } from '../system/cluster/webhooks.ts';
import { Running } from '../system/support/syscribe.ts';
import { type ApiRequest, requestsIn } from './kubernetes-audit.ts';
import { type BenchCluster, type Kubectl, say, withCluster } from './kubernetes-cluster.ts';
import { memoryOf } from './proc.ts';
import { Dialogue } from './programs.ts';

const NODES = 1000;
/** Each node has one pod of each recording; `BENCH_RECORDINGS` makes it fewer where a machine is slow. */
const RECORDINGS = Number(process.env.BENCH_RECORDINGS ?? 10);
const PODS = NODES * RECORDINGS;
const PROCESSES = 2;
/** Milliseconds in which the pods end. */
const SPREAD = 30_000;
const LOOK = 250; // milliseconds
/** Behind the last profile: statuses are written for as long as that, milliseconds. */
const TRAILING = 10_000;
const MERGED = 'scale-0';

export interface ScaleFigures {
  readonly nodes: number;
  readonly pods: number;
  /** Seconds from the first pod's beginning. */
  readonly seconds: { readonly written: number; readonly merged: number; readonly all: number };
  /** kB at the operator's most. */
  readonly operator: number;
  /** From the first pod's beginning until nothing more was written. */
  readonly requests: readonly ApiRequest[];
  /** Before and then. */
  readonly all: readonly ApiRequest[];
}

export function measureScale(): Promise<ScaleFigures> {
  return withCluster(0, installDefinitions, async (cluster) => {
    const strategy = (index: number) => (index === 0 ? 'Containers' : 'None');
    const recordings = Array.from({ length: RECORDINGS }, (_, index) =>
      recording('scale', `scale-${index}`, { mergeStrategy: strategy(index), snapshotInterval: '30s' }),
    );
    await cluster.apply(namespace('scale'));
    await cluster.apply(...recordings);
    const bundle = mkdtempSync(join(tmpdir(), 'syscribe-bench-operator-'));
    try {
      return await simulate(cluster, bundle);
    } finally {
      rmSync(bundle, { recursive: true });
    }
  });
}

async function installDefinitions(kubectl: Kubectl): Promise<void> {
  await kubectl(['apply', '-k', CRDS]);
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
}

async function simulate(cluster: BenchCluster, bundle: string): Promise<ScaleFigures> {
  await using operator = await startOperator(cluster.kubeconfig, bundle);
  say(`${NODES} simulated agents start`);
  const script = fileURLToPath(new URL('kubernetes-agents.ts', import.meta.url));
  const each = NODES / PROCESSES;
  await using agents = new AsyncDisposableStack();
  const processes = Array.from({ length: PROCESSES }, (_, index) =>
    agents.use(new Dialogue(process.execPath, script, cluster.kubeconfig, ...[index * each, each, SPREAD].map(String))),
  );
  await Promise.all(processes.map((one) => one.heard()));
  say(`${PODS} pods`);
  const begun = Date.now();
  const since = () => (Date.now() - begun) / 1000;
  const written = Promise.all(processes.map((one) => one.ask('go'))).then(since);
  const merged = reached(() => mergedInstances(cluster.eyes.profiles.list()) === NODES).then(since);
  const whole = reached(() => wholeProfiles(cluster.eyes.profiles.list()) === PODS - NODES).then(since);
  const seconds = {
    written: await written,
    merged: await merged,
    all: Math.max(await written, await merged, await whole),
  };
  await setTimeout(TRAILING);
  const all = await requestsIn(cluster.auditLog);
  const requests = all.filter(({ at }) => at >= begun);
  return { nodes: NODES, pods: PODS, seconds, operator: memoryOf(operator.pid).peak, requests, all };
}

async function reached(look: () => boolean): Promise<void> {
  while (!look()) await setTimeout(LOOK);
}

function mergedInstances(profiles: readonly Profile[]): number {
  const coverage = profiles.find(({ metadata }) => metadata.name === `${MERGED}-c`)?.metadata.annotations?.[
    ANNOTATIONS.syscallCoverage
  ];
  return coverage === undefined ? 0 : JSON.parse(coverage).total;
}

function wholeProfiles(profiles: readonly Profile[]): number {
  return profiles.filter(
    ({ metadata: { labels = {} } }) => labels[LABELS.recordingId] !== MERGED && labels[LABELS.partial] === undefined,
  ).length;
}

/** As the image runs it. */
async function startOperator(
  kubeconfig: string,
  directory: string,
): Promise<AsyncDisposable & { readonly pid: number }> {
  const script = fileURLToPath(new URL('../../scripts/bundle.mjs', import.meta.url));
  const made = await new Running(process.execPath, [script, directory]).finished;
  if (made.code !== 0) throw new Error(made.stderr);
  const entry = join(directory, 'dist/bundle/bin.mjs');
  const options = ['--kubeconfig', kubeconfig, '--namespace', 'default', '--health', '127.0.0.1:18085'];
  const running = new Running(process.execPath, [...FLAGS, entry, 'operator', ...options]);
  await running.until('stdout', /"leading"/);
  return {
    pid: running.pid,
    [Symbol.asyncDispose]: async () => {
      running.child.kill();
      await running.finished;
    },
  };
}
