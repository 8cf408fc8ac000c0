/** What syscribe takes on one node, installed as its users install it. */
import { setTimeout } from 'node:timers/promises';
import { stateOf } from '../../src/api/recording-state.ts';
import { DEFAULT_SPEC } from '../../src/operator/daemon/settings.ts';
import { install as installSyscribe } from '../system/cluster/installed.ts';
import { namespace, pod, podSpec, recording } from '../system/cluster/manifests.ts';
import type { Profile } from '../system/cluster/watched.ts';
import { type ApiRequest, requestsIn } from './kubernetes-audit.ts';
import { type BenchCluster, type Kubectl, say, withCluster } from './kubernetes-cluster.ts';
import { type InstallFigures, measureInstall } from './kubernetes-install.ts';
import { measureWebhook } from './kubernetes-webhook.ts';
import { cpuOf, memoryOf, processesOf } from './proc.ts';

/** Pods one after the other, of a second each. */
export const SHORT_PODS = 40;
export const MANY = { pods: 10, containers: 10 };
/** Milliseconds in which CPU is counted, and those before in which a process comes to rest. */
const WINDOW = 20_000;
const REST = 10_000;
const COMPONENTS = ['agent', 'operator', 'webhook'] as const;
const PARTIAL = 'spo.x-k8s.io/partial';
const DAY = { snapshotInterval: '30s' };

export type Component = (typeof COMPONENTS)[number];

/** kB of the largest replica, and the agent's CPU in parts of a core. */
export interface Rest {
  readonly resident: Readonly<Record<Component, number>>;
  readonly cpu: number;
}

export interface NodeFigures {
  readonly idle: Rest;
  readonly many: Rest;
  /** kB at the agent's most. */
  readonly peak: number;
  /** Milliseconds from a pod's end to its profile without the partial label. */
  readonly whole: readonly number[];
  /** While short pods came and went whose profiles are merged, and so are on no node while they are recorded. */
  readonly recorded: Requests;
  /** While short pods came and went whose profiles were installed. */
  readonly installed: Requests;
  /** Of all the time. */
  readonly all: Requests;
  /** Milliseconds. */
  readonly webhook: readonly number[];
  readonly install: InstallFigures;
  /** While many profiles were installed. */
  readonly profiles: Requests;
}

type Requests = readonly ApiRequest[];

export function measureNode(): Promise<NodeFigures> {
  const asByDefault = (kubectl: Kubectl) => installSyscribe(kubectl, DEFAULT_SPEC);
  return withCluster(1, asByDefault, async (cluster) => {
    say('idle');
    const idle = await rest();
    say('the webhook');
    await cluster.apply(namespace('short'));
    await cluster.apply(recording('short', 'short', DAY));
    const webhook = await measureWebhook(cluster.kubectl, {
      hook: 'recording.spo.io',
      namespace: 'short',
      pod: shortPod('short', 'asked'),
    });
    say('short pods');
    const { whole, ...installed } = await shortPods(cluster, 'short', isWhole);
    say('short pods that are merged');
    await cluster.apply(namespace('merged'));
    await cluster.apply(recording('merged', 'merged', { ...DAY, mergeStrategy: 'Containers' }));
    const recorded = await shortPods(cluster, 'merged', isFinished);
    say('many containers');
    await manyContainers(cluster);
    const many = await rest();
    say('profiles on the node');
    const install = await measureInstall(cluster);
    const all = await requestsIn(cluster.auditLog);
    const within = ({ from, to }: { readonly from: number; readonly to: number }) =>
      all.filter(({ at }) => at >= from && at <= to);
    const peak = Math.max(...processesOf('agent').map((pid) => memoryOf(pid).peak));
    const requests = { recorded: within(recorded), installed: within(installed), profiles: within(install), all };
    return { idle, many, peak, whole, webhook, install, ...requests };
  });
}

async function rest(): Promise<Rest> {
  await setTimeout(REST);
  const agents = processesOf('agent');
  const used = () => agents.reduce((sum, pid) => sum + cpuOf(pid), 0);
  const [begun, before] = [performance.now(), used()];
  await setTimeout(WINDOW);
  const cpu = (used() - before) / ((performance.now() - begun) / 1000);
  const largest = (component: Component) => Math.max(...processesOf(component).map((pid) => memoryOf(pid).resident));
  const resident = { agent: largest('agent'), operator: largest('operator'), webhook: largest('webhook') };
  return { resident, cpu };
}

/** Named like one of a Job's: pods of no template would ask for the same name of their profiles. */
function shortPod(where: string, name: string): object {
  const spec = podSpec([{ name: 'c', script: 'mkdir /tmp/x; sleep 1' }]);
  const { metadata, ...others } = pod(where, name, where, spec) as { readonly metadata: object };
  return { ...others, metadata: { ...metadata, generateName: 'pod-' } };
}

/** Pods are applied by a client of their own: watches tell their ends and their profiles in the same process. */
async function shortPods(
  { eyes, apply }: BenchCluster,
  where: string,
  done: (profile: Profile) => boolean,
): Promise<{ whole: number[]; from: number; to: number }> {
  const whole: number[] = [];
  const from = Date.now();
  for (let index = 0; index < SHORT_PODS; index++) {
    const name = `pod-${index}`;
    let ended = 0;
    const end = eyes.pods
      .until(`${where}/${name}`, ({ status }) => status?.phase === 'Succeeded')
      .then(() => (ended = performance.now()));
    const profile = eyes.profiles
      .all((all) =>
        all.some((profile) => stateOf(profile.metadata)?.pod.name === name && isOf(where, profile) && done(profile)),
      )
      .then(() => performance.now());
    await apply(shortPod(where, name));
    await end;
    // Seen before the end: the agent sees containers end in the kernel, and does not wait for the kubelet to tell.
    whole.push(Math.max((await profile) - ended, 0));
  }
  // What is written behind the last of them: statuses are, at most every 5 s.
  await setTimeout(REST);
  return { whole, from, to: Date.now() };
}

function isOf(recording: string, { metadata }: Profile): boolean {
  return metadata.labels?.['spo.x-k8s.io/recording-id'] === recording;
}

function isWhole({ metadata }: Profile): boolean {
  return metadata.labels?.[PARTIAL] === undefined;
}

function isFinished({ metadata }: Profile): boolean {
  return stateOf(metadata)?.finished ?? false;
}

async function manyContainers({ eyes, apply }: BenchCluster): Promise<void> {
  const containers = Array.from({ length: MANY.containers }, (_, index) => ({
    name: `c${index}`,
    script: 'while :; do sleep 1; done',
  }));
  const pods = Array.from({ length: MANY.pods }, (_, index) =>
    pod('many', `pod-${index}`, 'many', podSpec(containers)),
  );
  await apply(namespace('many'));
  await apply(recording('many', 'many', DAY));
  await apply(...pods);
  await eyes.profiles.all(
    (all) =>
      all.filter(({ metadata }) => metadata.labels?.['spo.x-k8s.io/recording-id'] === 'many').length >=
      MANY.pods * MANY.containers,
  );
}
