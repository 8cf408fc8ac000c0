/**
 * What agents of many nodes do for profiles, in one process: kubernetes-installers.ts KUBECONFIG FIRST COUNT files|none. The agent's
 * own code writes files, below a directory for each node, or, as a stand-in for 500 of them on each of 1,000 nodes, none; and
 * node statuses or reports, over connections of its own. Says `ready` once all have seen the cluster, and ends with its input.
 */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import type { InstallableProfile, Installer } from '../../src/agent/install/installer.ts';
import { InstallMetrics } from '../../src/agent/install/metrics.ts';
import { Installs } from '../../src/agent/install/reconciler.ts';
import { SeccompInstaller } from '../../src/agent/install/seccomp.ts';
import { watchCluster } from '../../src/agent/pods/cluster.ts';
import { Statuses } from '../../src/agent/status/statuses.ts';
import { LABELS } from '../../src/api/names.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { loadConnection } from '../../src/kube/config.ts';
import { EventRecorder } from '../../src/kube/events.ts';
import { customResource, type KubeObject } from '../../src/kube/object.ts';
import { Informer } from '../../src/kube/reflector.ts';

/** Agents that start at once. */
const STARTING = 25;

const [kubeconfig = '', first = '0', count = '1', writes = 'files'] = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), 'syscribe-bench-installers-'));
const stop = new AbortController();
const log = { info: () => {}, warn: (details: object, text: string) => console.error(text, details) };

/** Follows the profiles as the agent does, and takes each for installed. */
function installNothing(client: KubeClient): Installer {
  const resource = customResource('seccompprofiles', 'SeccompProfile', false);
  const transform = ({ metadata }: KubeObject): InstallableProfile => {
    const { name, uid, resourceVersion, generation, finalizers, annotations } = metadata;
    const kept = { name, uid, resourceVersion, generation, finalizers, annotations } as KubeObject['metadata'];
    return { metadata: kept, spec: {} };
  };
  const profiles = new Informer({ client, resource, log }, { labelSelector: `!${LABELS.partial}`, transform });
  return {
    kind: 'SeccompProfile',
    metric: 'seccomp',
    reasons: { saved: 'SavedSeccompProfile', cannotRemove: 'CannotRemoveSeccompProfile' },
    reference: (name) => name,
    namesOf: () => [],
    profile: (name) => profiles.get(name),
    names: () => [],
    onChange: (listener) => {
      profiles.onChange(listener);
    },
    install: async () => ({ state: 'Installed', changed: false }),
    remove: async () => true,
    drifted: () => [],
    run: (signal) => profiles.run(signal),
    synced: profiles.synced,
  };
}

/** Resolves, once what is there has been looked at, to what ends when the agent has. */
async function start(node: string): Promise<{ readonly over: Promise<unknown> }> {
  const kubeletDirectory = join(directory, node);
  mkdirSync(kubeletDirectory);
  const client = new KubeClient(loadConnection({ kubeconfig }), { userAgent: 'syscribe-agent/bench' });
  const events = new EventRecorder(client, { component: 'profile', host: node });
  const settings = { kubeletDirectory, namespace: 'default' };
  const installer = writes === 'files' ? new SeccompInstaller(client, log, settings) : installNothing(client);
  const statuses = new Statuses({ client, log, node });
  const { pods } = watchCluster(client, log, { node });
  const metrics = new InstallMetrics(new Registry(), [installer.metric]);
  const installs = new Installs({
    client,
    node,
    installers: [installer],
    statuses,
    // None of the profiles is audited.
    rollouts: { ready: async () => {}, installed: () => {}, of: () => undefined, onChange: () => {} },
    pods,
    events,
    metrics,
    log,
  });
  const over = Promise.allSettled([pods.run(stop.signal), installs.run(stop.signal)]).then(async () => {
    await events[Symbol.asyncDispose]();
    await client[Symbol.asyncDispose]();
  });
  await Promise.all([pods.synced, installer.synced, statuses.synced]);
  return { over };
}

const running: { readonly over: Promise<unknown> }[] = [];
while (running.length < Number(count)) {
  const group = Array.from({ length: Math.min(STARTING, Number(count) - running.length) }, (_, index) =>
    start(`node-${Number(first) + running.length + index}`),
  );
  running.push(...(await Promise.all(group)));
}
console.log('ready');
process.stdin.resume();
await once(process.stdin, 'end');
stop.abort();
await Promise.all(running.map(({ over }) => over));
rmSync(directory, { recursive: true });
