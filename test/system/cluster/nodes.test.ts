import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NAMESPACE, useInstalledCluster } from './installed.ts';
import { deployment, namespace, pod, podSpec, recording } from './manifests.ts';
import type { Profile } from './watched.ts';

const NODES = 3;
const cluster = useInstalledCluster(NODES);
const isPartial = ({ metadata }: Profile) => metadata.labels?.['spo.x-k8s.io/partial'] !== undefined;
const names = ({ spec }: Profile) => (spec.syscalls ?? []).flatMap((rule) => rule.names).sort();

/** No two of them on one node. */
function apart(app: string, fields: object): object {
  const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app } } };
  return { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } }, ...fields };
}

test(
  'a Deployment over three nodes: each node tells of its own pods, and one profile comes of it',
  cluster.options,
  async () => {
    const { eyes, apply, kubectl, remove } = cluster;
    const script = 'mkdir /tmp/x; while [ ! -e /tmp/go ]; do sleep 0.2; done; ln -s x /tmp/y; exec sleep 1000';
    const spec = apart('wide', podSpec([{ name: 'c', script }]));
    await apply(
      namespace('wide'),
      recording('wide', 'wide', { mergeStrategy: 'Containers' }),
      deployment('wide', 'wide', NODES, spec),
    );
    const instances = (all: Profile[]) =>
      all.filter(
        ({ metadata: { labels = {} } }) =>
          labels['spo.x-k8s.io/container-id'] === 'c' && isPartial({ metadata: { labels } } as Profile),
      );
    const three = await eyes.profiles.all((all) => instances(all).length === NODES);
    const told = instances(three).map(({ metadata }) => metadata.labels?.['spo.x-k8s.io/node-name']);
    assert.deepEqual(told.sort(), ['node-1', 'node-2', 'node-3']);
    const pods = eyes.pods.list().filter(({ metadata }) => metadata.namespace === 'wide');
    for (const profile of instances(three)) {
      const { pod: of } = JSON.parse(profile.metadata.annotations?.['spo.x-k8s.io/recording-state'] ?? '{}');
      const node = pods.find(({ metadata }) => metadata.name === of.name)?.spec.nodeName;
      assert.equal(profile.metadata.labels?.['spo.x-k8s.io/node-name'], node);
    }
    // Only one of them makes the link.
    await kubectl(['-n', 'wide', 'exec', pods[0]?.metadata.name ?? '', '--', '/bin/busybox', 'touch', '/tmp/go']);
    await eyes.profiles.until('wide-c', (profile) => names(profile).includes('symlink'));
    await remove('-n', 'wide', 'deployment', 'wide');
    await eyes.pods.all((all) => !all.some(({ metadata }) => metadata.namespace === 'wide'));
    await remove('-n', 'wide', 'profilerecording', 'wide');
    const merged = await eyes.profiles.until('wide-c', (profile) => !isPartial(profile));
    const coverage = JSON.parse(merged.metadata.annotations?.['spo.x-k8s.io/syscall-coverage'] ?? '{}');
    assert.deepEqual([coverage.total, coverage.syscalls.symlink, coverage.syscalls.execve], [3, 1, 3]);
  },
);

test('a node drains with the webhooks dead, and its recorded pod leaves what it did', cluster.options, async () => {
  const { eyes, apply, kubectl } = cluster;
  await apply(
    namespace('drained'),
    recording('drained', 'leaves'),
    pod('drained', 'one', 'leaves', {
      ...podSpec([{ name: 'c', script: 'mkdir /tmp/x; while :; do sleep 0.2; done' }]),
      nodeSelector: { 'kubernetes.io/hostname': 'node-3' },
    }),
  );
  await eyes.pods.until('drained/one', ({ status }) => status?.containerStatuses?.[0]?.ready ?? false);
  await kubectl(['-n', NAMESPACE, 'scale', `deployment/${NAMESPACE}-webhook`, '--replicas=0']);
  await eyes.pods.all((pods) => !pods.some(({ metadata }) => metadata.labels?.name === `${NAMESPACE}-webhook`));
  // What the cluster stands on comes and goes as ever.
  await apply(deployment('kube-system', 'coredns', 1, podSpec([{ name: 'dns', script: 'exec sleep 1000' }])));
  await kubectl(['-n', 'kube-system', 'rollout', 'status', 'deployment/coredns', '--timeout=60s']);
  await kubectl(['drain', 'node-3', '--ignore-daemonsets', '--force', '--delete-emptydir-data', '--timeout=90s']);
  const left = await eyes.profiles.until('leaves-c', (profile) => !isPartial(profile));
  assert.ok(names(left).includes('mkdir'));
});
