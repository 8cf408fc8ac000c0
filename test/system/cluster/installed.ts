import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type TestCluster, useCluster } from './use.ts';
import { MACHINE, timeout } from './variables.ts';
import { type Eyes, isPartial, openEyes, type PodObject, type Profile } from './watched.ts';
import { kubectlOf } from './webhooks.ts';

const OVERLAY = fileURLToPath(new URL(MACHINE === undefined ? 'deploy/' : 'deploy-machine/', import.meta.url));
export const NAMESPACE = 'security-profiles-operator';

/** A cluster in which syscribe is installed as its users do, with agent, operator and webhook as pods of its image. */
export interface InstalledCluster {
  readonly options: TestCluster['options'];
  readonly eyes: Eyes;
  /** The administrator's. */
  readonly kubeconfig: string;
  /** @throws AssertionError with what kubectl said where it fails. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  apply(...objects: object[]): Promise<void>;
  /** The pod, by NAMESPACE/NAME, once all its containers are ready. */
  running(key: string): Promise<PodObject>;
  /** The pod once it has ended, well or not. */
  ended(key: string): Promise<PodObject>;
  /** The profile once nothing more comes. */
  final(name: string): Promise<Profile>;
  readonly asToken: TestCluster['asToken'];
  /** Takes back what was changed of the daemon object. */
  resetDaemon(): Promise<void>;
  /** Deletes at once, without the time that pods are given to end. */
  remove(...what: string[]): Promise<void>;
}

/** The daemon object: there is no auditd on nodes of `make cluster`. What takes a processor long to start is left out in a machine. */
export function daemon(spec: object = {}): object {
  const enableLogEnricher = MACHINE === undefined;
  const enricher = { enableBpfRecorder: true, enableLogEnricher, logEnricherSource: 'Netlink' };
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'SecurityProfilesOperatorDaemon',
    metadata: { name: 'spod', namespace: NAMESPACE },
    spec: { enricher, ...spec },
  };
}

/** A patch of the agents' DaemonSet: what a container of it needs to know containers on a machine of several nodes. */
export function onSharedMachine(name: string): string {
  // What a variable is made of has to stand before it; a patch puts its own before those that are there.
  const env = [
    { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    { name: 'CONTAINER_RUNTIME_ENDPOINT', value: 'unix:///cluster/$(NODE)/containerd.sock' },
  ];
  const volumeMounts = [{ name: 'cluster', mountPath: '/cluster' }];
  return JSON.stringify({ spec: { template: { spec: { containers: [{ name, env, volumeMounts }] } } } });
}

/** Installs syscribe and waits until all of it runs. */
export async function install(
  kubectl: (args: readonly string[], input?: string) => Promise<unknown>,
  spec?: object,
): Promise<void> {
  // CRDs come first in the output, but what is of their kinds can only be read once they are established.
  await kubectl(['apply', '-k', OVERLAY]);
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', timeout(60)]);
  // The operator may make one at the same time.
  await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], JSON.stringify(daemon(spec)));
  for (const workload of [`deployment/${NAMESPACE}`, `deployment/${NAMESPACE}-webhook`])
    await kubectl(['-n', NAMESPACE, 'rollout', 'status', workload, timeout(120)]);
  await kubectl(['-n', NAMESPACE, 'wait', '--for=condition=ready', 'spod', 'spod', timeout(180)]);
}

const used = new Map<number, InstalledCluster>();

/** The same one for all files that run in one process (`--test-isolation=none`): to start one takes half a minute. */
export function useInstalledCluster(nodes = 1): InstalledCluster {
  const cluster = used.get(nodes) ?? installedCluster(nodes);
  used.set(nodes, cluster);
  return cluster;
}

function installedCluster(nodes: number): InstalledCluster {
  let eyes: Eyes | undefined;
  const kubectl = (args: readonly string[], input?: string) => kubectlOf(cluster, args, input);
  const cluster = useCluster(nodes, async () => {
    await install(kubectl);
    eyes = openEyes(cluster.kubeconfig);
  });
  const seen = () => {
    if (!eyes) throw new Error('the cluster has not started');
    return eyes;
  };
  if (cluster.options.skip === undefined) after(() => eyes?.close());
  return {
    options: cluster.options,
    get eyes() {
      return seen();
    },
    get kubeconfig() {
      return cluster.kubeconfig;
    },
    kubectl,
    apply: async (...objects) => {
      const list = { apiVersion: 'v1', kind: 'List', items: objects };
      await kubectl(['apply', '-f', '-'], JSON.stringify(list));
    },
    running: (key) =>
      seen().pods.until(key, ({ status }) => status?.containerStatuses?.every(({ ready }) => ready) ?? false),
    ended: (key) => seen().pods.until(key, ({ status }) => ['Succeeded', 'Failed'].includes(status?.phase ?? '')),
    final: (name) => seen().profiles.until(name, (profile) => !isPartial(profile)),
    asToken: cluster.asToken,
    resetDaemon: async () => {
      await kubectl(['replace', '-f', '-'], JSON.stringify(daemon()));
      await kubectl(['-n', NAMESPACE, 'wait', '--for=condition=ready', 'spod', 'spod', timeout(120)]);
    },
    remove: async (...what) => {
      await kubectl(['delete', ...what, '--wait=true', '--grace-period=1', '--ignore-not-found']);
    },
  };
}
