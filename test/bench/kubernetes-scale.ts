/** A cluster of many nodes by simulation: their agents' requests, a real API server, and the real operator. */
import { setTimeout } from 'node:timers/promises';
import { ANNOTATIONS, LABELS } from '../../src/api/names.ts';
import { namespace, recording } from '../system/cluster/manifests.ts';
import type { Profile } from '../system/cluster/watched.ts';
import { type ApiRequest, requestsIn } from './kubernetes-audit.ts';
import { type BenchCluster, say } from './kubernetes-cluster.ts';
import { NODES, type Operator, startAgents, withSimulatedCluster } from './kubernetes-simulated.ts';
import { memoryOf } from './proc.ts';

/** Each node has one pod of each recording; `BENCH_RECORDINGS` makes it fewer where a machine is slow. */
const RECORDINGS = Number(process.env.BENCH_RECORDINGS ?? 10);
const PODS = NODES * RECORDINGS;
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
  readonly restarts: number;
  /** From the first pod's beginning until nothing more was written. */
  readonly requests: readonly ApiRequest[];
  /** Before and then. */
  readonly all: readonly ApiRequest[];
}

export function measureScale(): Promise<ScaleFigures> {
  return withSimulatedCluster(async (cluster, operator) => {
    const strategy = (index: number) => (index === 0 ? 'Containers' : 'None');
    const recordings = Array.from({ length: RECORDINGS }, (_, index) =>
      recording('scale', `scale-${index}`, { mergeStrategy: strategy(index), snapshotInterval: '30s' }),
    );
    await cluster.apply(namespace('scale'));
    await cluster.apply(...recordings);
    return simulate(cluster, operator);
  });
}

async function simulate(cluster: BenchCluster, operator: Operator): Promise<ScaleFigures> {
  say(`${NODES} simulated agents start`);
  await using agents = await startAgents('kubernetes-agents.ts', cluster.kubeconfig, `${SPREAD}`);
  say(`${PODS} pods`);
  const begun = Date.now();
  const since = () => (Date.now() - begun) / 1000;
  const written = Promise.all(agents.processes.map((one) => one.ask('go'))).then(since);
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
  return {
    nodes: NODES,
    pods: PODS,
    seconds,
    operator: memoryOf(operator.pid).peak,
    restarts: operator.restarts,
    requests,
    all,
  };
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
