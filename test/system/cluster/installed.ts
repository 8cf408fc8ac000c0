import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Finished, temporary } from '../support/syscribe.ts';
import { DIRECTORY } from './cluster.ts';
import { type TestCluster, useCluster } from './use.ts';
import { type Eyes, isPartial, openEyes, type PodObject, type Profile } from './watched.ts';

const OVERLAY = fileURLToPath(new URL('deploy/', import.meta.url));
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
  /** As whoever has nothing but a token. */
  asToken(context: TestContext, token: string, args: readonly string[], input?: string): Promise<Finished>;
  /** Deletes at once, without the time that pods are given to end. */
  remove(...what: string[]): Promise<void>;
}

/** Installs syscribe and waits until all of it runs. */
export async function install(kubectl: (args: readonly string[]) => Promise<unknown>): Promise<void> {
  // CRDs come first in the output, but what is of their kinds can only be read once they are established.
  await kubectl(['apply', '-k', OVERLAY]);
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  for (const workload of ['daemonset/spod', `deployment/${NAMESPACE}`, `deployment/${NAMESPACE}-webhook`])
    await kubectl(['-n', NAMESPACE, 'rollout', 'status', workload, '--timeout=120s']);
}

/** As an administrator would put it on the first node by hand; gives what pods call it. */
export function putOnNode(profile: Profile): string {
  const directory = join(DIRECTORY, 'node-1/kubelet/seccomp/operator');
  mkdirSync(directory, { recursive: true });
  const { defaultAction, architectures, syscalls } = profile.spec;
  writeFileSync(
    join(directory, `${profile.metadata.name}.json`),
    JSON.stringify({ defaultAction, architectures, syscalls }),
  );
  return `operator/${profile.metadata.name}.json`;
}

export function useInstalledCluster(nodes = 1): InstalledCluster {
  let eyes: Eyes | undefined;
  const kubectl = async (args: readonly string[], input?: string) => {
    const { code, stdout, stderr } = await cluster.kubectl(args, input);
    assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
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
    asToken: async (context, token, args, input) => {
      // The administrator's address and authority, without his certificate.
      const config = JSON.parse(readFileSync(cluster.kubeconfig, 'utf8'));
      const users = [{ name: 'user', user: { token } }];
      const file = join(temporary(context), 'kubeconfig');
      writeFileSync(file, JSON.stringify({ ...config, users }), { mode: 0o600 });
      return cluster.kubectl(['--kubeconfig', file, ...args], input);
    },
    remove: async (...what) => {
      await kubectl(['delete', ...what, '--wait=true', '--grace-period=1', '--ignore-not-found']);
    },
  };
}
