/** How soon profiles are on the node of a cluster that runs everything, and what that costs. */
import { setTimeout } from 'node:timers/promises';
import { GROUP } from '../../src/api/crd.ts';
import { pod, podSpec } from '../system/cluster/manifests.ts';
import type { BenchCluster } from './kubernetes-cluster.ts';
import { installAll } from './kubernetes-profiles.ts';
import { measureWebhook } from './kubernetes-webhook.ts';
import { memoryOf, processesOf } from './proc.ts';

const SINGLE = 40;
export const MANY_PROFILES = 500;
/** Behind the last: statuses are written at most so much later, milliseconds. */
const TRAILING = 6000;

export interface InstallFigures {
  /** Milliseconds from a profile's creation to Installed, one after the other. */
  readonly single: readonly number[];
  /** Many at once: milliseconds until all are Installed. */
  readonly many: number;
  /** kB with so many profiles on the node. */
  readonly agent: number;
  readonly operator: number;
  /** Between these two, milliseconds since the epoch, the many were installed. */
  readonly from: number;
  readonly to: number;
  /** Milliseconds of a call for a pod that is bound. */
  readonly binding: readonly number[];
}

export async function measureInstall(cluster: BenchCluster): Promise<InstallFigures> {
  const single: number[] = [];
  for (let index = 0; index < SINGLE; index++) single.push((await installAll(cluster, [`single-${index}`])).installed);
  const from = Date.now();
  const { installed: many } = await installAll(
    cluster,
    Array.from({ length: MANY_PROFILES }, (_, index) => `many-${index}`),
  );
  await setTimeout(TRAILING);
  const to = Date.now();
  const [agent, operator] = ['agent', 'operator'].map((part) =>
    Math.max(...processesOf(part).map((pid) => memoryOf(pid).resident)),
  ) as [number, number];
  return { single, many, agent, operator, from, to, binding: await bindingLatency(cluster) };
}

async function bindingLatency({ apply, kubectl }: BenchCluster): Promise<number[]> {
  const labels = { 'spo.x-k8s.io/enable-binding': '' };
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bound', labels } });
  await apply({
    apiVersion: `${GROUP}/v1`,
    kind: 'ProfileBinding',
    metadata: { namespace: 'bound', name: 'bound' },
    spec: { image: 'syscribe.test/busybox:1', profileRef: { kind: 'SeccompProfile', name: 'single-0' } },
  });
  const asked = pod('bound', 'asked', 'asked', podSpec([{ name: 'c', script: 'true' }]));
  return measureWebhook(kubectl, { hook: 'binding.spo.io', namespace: 'bound', pod: asked });
}
