import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ContainerRecord } from '../../../src/agent/recording/container-record.ts';
import { DIRECTORY } from './cluster.ts';
import { NAMESPACE, useInstalledCluster } from './installed.ts';
import { deployment, namespace, podSpec, recording } from './manifests.ts';
import { has, isPartial, type Profile } from './watched.ts';
import { GROUP } from './webhooks.ts';

const NODES = ['node-1', 'node-2', 'node-3'];
const cluster = useInstalledCluster(NODES.length);
const nodeOf = ({ metadata }: Profile) => metadata.labels?.['spo.x-k8s.io/node-name'] ?? '';
/** As many on each node that takes pods. */
const SPREAD = (app: string) => ({
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'DoNotSchedule',
      nodeTaintsPolicy: 'Honor',
      labelSelector: { matchLabels: { app } },
    },
  ],
});
const LOOP = 'while :; do sleep 0.1; done';

/** Names of the pods that the agent of a node has on its disk. */
function kept(node: string, namespace: string): string[] {
  const directory = join(DIRECTORY, node, 'syscribe/records');
  return readdirSync(directory)
    .filter((name) => /^[0-9a-f]/.test(name))
    .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')).record as ContainerRecord)
    .filter(({ pod }) => pod.namespace === namespace)
    .map(({ pod }) => pod.name);
}

test(
  'a Deployment over all nodes: each agent records its own node’s pods, and all become one',
  cluster.options,
  async () => {
    const { eyes, apply, remove } = cluster;
    const env = [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }];
    const script = `[ $NODE = node-2 ] && mkdir /tmp/x; ${LOOP}`;
    const spec = podSpec([{ name: 'c', env, script }], SPREAD('spread'));
    await apply(
      namespace('spread'),
      recording('spread', 'spread', { mergeStrategy: 'Containers' }),
      deployment('spread', 'spread', NODES.length, spec),
    );
    const instances = (all: Profile[]) => all.filter(({ metadata }) => metadata.name.startsWith('spread-c-'));
    const all = await eyes.profiles.all(
      (every) => instances(every).length === NODES.length && instances(every).some(has('mkdir')),
    );
    assert.deepEqual(instances(all).map(nodeOf).sort(), NODES);
    assert.deepEqual(instances(all).filter(has('mkdir')).map(nodeOf), ['node-2']);
    const pods = eyes.pods.list().filter(({ metadata }) => metadata.namespace === 'spread');
    for (const node of NODES) {
      const own = pods.filter(({ spec: { nodeName } }) => nodeName === node).map(({ metadata }) => metadata.name);
      assert.deepEqual(kept(node, 'spread'), own, node);
    }
    await eyes.profiles.until('spread-c', has('mkdir'));
    await remove('-n', 'spread', 'deployment', 'spread');
    await eyes.pods.all((every) => !every.some(({ metadata }) => metadata.namespace === 'spread'));
    await remove('-n', 'spread', 'profilerecording', 'spread');
    const merged = await cluster.final('spread-c');
    const coverage = JSON.parse(merged.metadata.annotations?.['spo.x-k8s.io/syscall-coverage'] ?? '{}');
    assert.deepEqual([coverage.total, coverage.syscalls.mkdir], [NODES.length, 1]);
    await eyes.profiles.all((every) => instances(every).length === 0);
  },
);

test(
  'a profile is on every node, and its node statuses are found by a label, however long its name',
  cluster.options,
  async () => {
    const { eyes, apply, kubectl, remove } = cluster;
    const name = `far-${'x'.repeat(100)}`;
    const spec = { defaultAction: 'SCMP_ACT_ALLOW' };
    await apply({ apiVersion: `${GROUP}/v1`, kind: 'SeccompProfile', metadata: { name }, spec });
    await eyes.profiles.until(name, ({ status }) => status?.status === 'Installed');
    const files = NODES.map((node) => join(DIRECTORY, node, `kubelet/seccomp/operator/${name}.json`));
    for (const file of files) assert.equal(JSON.parse(readFileSync(file, 'utf8')).defaultAction, spec.defaultAction);
    // SPO's, by which its users find them.
    const id = createHash('sha256').update(`SeccompProfile-${name}`).digest('hex').slice(0, 48);
    const label = `spo.x-k8s.io/profile-id=SeccompProfile-${id}`;
    const listed = await kubectl(['get', 'spns', '-l', label, '-o', 'jsonpath={.items[*].spec.nodeName}']);
    assert.deepEqual(listed.split(' ').sort(), NODES);
    await remove('sp', name);
    for (const file of files) assert.ok(!existsSync(file));
  },
);

test(
  'with webhooks that only crash, the system’s pods restart, a node drains and a namespace goes',
  cluster.options,
  async () => {
    const { eyes, apply, kubectl } = cluster;
    const webhook = `${NAMESPACE}-webhook`;
    const broken = {
      strategy: { type: 'Recreate', rollingUpdate: null },
      template: { spec: { containers: [{ name: webhook, args: ['nonsense'] }] } },
    };
    await kubectl(['-n', NAMESPACE, 'patch', `deployment/${webhook}`, '-p', JSON.stringify({ spec: broken })]);
    await eyes.pods.all((pods) => {
      const own = pods.filter(({ metadata }) => metadata.labels?.name === webhook);
      const crash = (state: { waiting?: { reason: string } } = {}) => state.waiting?.reason === 'CrashLoopBackOff';
      return own.length === 3 && own.every(({ status }) => crash(status?.containerStatuses?.[0]?.state));
    });
    const system = podSpec([{ name: 'c', script: LOOP }]);
    const { spec: set } = deployment('', 'cni', 0, { ...system, hostNetwork: true }) as { spec: { replicas?: number } };
    delete set.replicas;
    await apply(
      namespace('drained'),
      recording('drained', 'app'),
      deployment(
        'drained',
        'app',
        NODES.length,
        podSpec([{ name: 'c', script: `mkdir /tmp/x; ${LOOP}` }], SPREAD('app')),
      ),
      deployment('kube-system', 'dns', 2, system),
      { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { namespace: 'kube-system', name: 'cni' }, spec: set },
    );
    for (const what of ['daemonset/cni', 'deployment/dns']) {
      await kubectl(['-n', 'kube-system', 'rollout', 'restart', what]);
      await kubectl(['-n', 'kube-system', 'rollout', 'status', what, '--timeout=90s']);
    }
    const recorded = (all: Profile[]) => all.filter(({ metadata }) => metadata.name.startsWith('app-c-'));
    const before = recorded(
      await eyes.profiles.all((all) => recorded(all).filter(has('mkdir')).length === NODES.length),
    );
    const [leaving] = before.filter((profile) => nodeOf(profile) === 'node-2');
    await kubectl(['drain', 'node-2', '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=90s']);
    assert.ok(has('mkdir')(await cluster.final(leaving?.metadata.name ?? '')));
    await eyes.profiles.all(
      (all) =>
        recorded(all).filter((profile) => isPartial(profile) && nodeOf(profile) !== 'node-2').length === NODES.length,
    );
    await kubectl(['delete', 'namespace', 'drained', '--timeout=90s']);
    assert.deepEqual(
      recorded(await eyes.profiles.all((all) => !recorded(all).some(isPartial))).length,
      NODES.length + 1,
    );
  },
);
