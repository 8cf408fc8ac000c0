/** Profiles on the nodes of a large cluster by simulation: the agents' code for them, a real API server, and the real operator. */
import { setTimeout } from 'node:timers/promises';
import { customResource, type KubeObject, NODES as NODE_OBJECTS } from '../../src/kube/object.ts';
import { type ApiRequest, requestsIn } from './kubernetes-audit.ts';
import { type BenchCluster, say } from './kubernetes-cluster.ts';
import { changeAll, installAll } from './kubernetes-profiles.ts';
import { NODES, startAgents, withSimulatedCluster } from './kubernetes-simulated.ts';
import { memoryOf } from './proc.ts';

export const AT_ONCE = 10;
/** More than there is room for node statuses: nodes tell of most of them in their reports. */
export const CROWD = 500;
const CALLS_OF_CROWD = 5;
/** Milliseconds in which nothing changes. */
const REST = 30_000;
/** Behind the last node: statuses are written at most so much later, milliseconds. */
const TRAILING = 6000;
const WRITERS = 8;

/** Between `from` and `to`, milliseconds since the epoch. */
export interface Phase {
  readonly seconds: number;
  readonly requests: readonly ApiRequest[];
}

export interface SpreadFigures {
  readonly nodes: number;
  /** From creation to Installed on all nodes. */
  readonly one: Phase;
  readonly many: Phase;
  /** From a change to its being on all nodes. */
  readonly changed: Phase;
  readonly rest: Phase;
  /** The same with agents that write no files, behind {@link CROWD} more profiles. */
  readonly crowd: { readonly start: Phase; readonly many: Phase; readonly changed: Phase; readonly rest: Phase };
  /** kB at its most. */
  readonly operator: number;
  /** At the end. */
  readonly kept: Kept;
  readonly all: readonly ApiRequest[];
}

/** What the API server keeps and sends for it. */
interface Kept {
  readonly statuses: number;
  readonly reports: number;
  /** Bytes of all that etcd keeps, versions that are not compacted yet too. */
  readonly stored: number;
  /** Bytes of events of profiles, node statuses and reports, each counted once, to however many it was sent. */
  readonly watched: number;
}

export function measureSpread(): Promise<SpreadFigures> {
  return withSimulatedCluster(async (cluster, operator) => {
    say(`${NODES} nodes whose agents install`);
    await makeNodes(cluster);
    const agents = await startAgents('kubernetes-installers.ts', cluster.kubeconfig, 'files');
    const phase = async (what: string, task: () => Promise<number>) => {
      say(what);
      const from = Date.now();
      const milliseconds = await task();
      await setTimeout(TRAILING);
      return { from, to: Date.now(), seconds: milliseconds / 1000 };
    };
    const names = Array.from({ length: AT_ONCE }, (_, index) => `many-${index}`);
    const one = await phase('one profile on all nodes', async () => (await installAll(cluster, ['one'])).installed);
    const many = await phase(`${AT_ONCE} at once`, async () => (await installAll(cluster, names)).installed);
    const changed = await phase('a change of one', () => changeAll(cluster, 'one'));
    const rest = await phase('rest', () => setTimeout(REST, REST));
    await agents[Symbol.asyncDispose]();
    const crowdOf = Array.from({ length: CROWD }, (_, index) => `crowd-${index}`);
    let others: AsyncDisposable | undefined;
    const start = await phase('agents start anew', async () => {
      const begun = performance.now();
      others = await startAgents('kubernetes-installers.ts', cluster.kubeconfig, 'none');
      return performance.now() - begun;
    });
    await using _others = others;
    const crowded = await phase(
      `${CROWD} more at once`,
      async () => (await installAll(cluster, crowdOf, CALLS_OF_CROWD)).installed,
    );
    const changedThen = await phase('a change of one of them', () => changeAll(cluster, `crowd-0`));
    const restThen = await phase('rest', () => setTimeout(REST, REST));
    const kept = await weigh(cluster);
    const all = await requestsIn(cluster.auditLog);
    const within = ({ from, to, seconds }: typeof one): Phase => ({
      seconds,
      requests: all.filter(({ at }) => at >= from && at <= to),
    });
    const phases = { one: within(one), many: within(many), changed: within(changed), rest: within(rest) };
    const crowd = {
      start: within(start),
      many: within(crowded),
      changed: within(changedThen),
      rest: within(restThen),
    };
    return { nodes: NODES, ...phases, crowd, operator: memoryOf(operator.pid).peak, kept, all };
  });
}

async function weigh({ eyes: { client }, kubectl }: BenchCluster): Promise<Kept> {
  const count = async (plural: string, kind: string) => {
    let found = 0;
    for await (const { items } of client.pages(customResource(plural, kind, false))) found += items.length;
    return found;
  };
  const metrics = (await kubectl(['get', '--raw', '/metrics'])).split('\n');
  const sum = (name: RegExp) =>
    metrics.filter((line) => name.test(line)).reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
  return {
    statuses: await count('securityprofilenodestatuses', 'SecurityProfileNodeStatus'),
    reports: await count('securityprofilenodereports', 'SecurityProfileNodeReport'),
    stored: sum(/^apiserver_storage_size_bytes\{/),
    watched: sum(/^apiserver_watch_events_sizes_sum\{.*(seccompprofiles|securityprofilenode)/i),
  };
}

/** The operator believes of nodes and agents what the API server has of them. */
async function makeNodes({ eyes: { client } }: BenchCluster): Promise<void> {
  const left = Array.from({ length: NODES }, (_, index) => `node-${index}`);
  const writer = async () => {
    for (let name = left.pop(); name !== undefined; name = left.pop())
      await client.create(NODE_OBJECTS, { apiVersion: 'v1', kind: 'Node', metadata: { name } } as KubeObject);
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  const daemonSets = { ...customResource('daemonsets', 'DaemonSet', true), group: 'apps', version: 'v1' };
  const labels = { app: 'spod' };
  const container = { name: 'agent', image: 'none' };
  const key = { namespace: 'default', name: 'spod' };
  await client.create(daemonSets, {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: key,
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } },
  } as unknown as KubeObject);
  const status = { desiredNumberScheduled: NODES, currentNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 };
  await client.patch(daemonSets, key, { status }, { type: 'merge', subresource: 'status' });
}
