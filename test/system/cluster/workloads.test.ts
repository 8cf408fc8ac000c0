import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { DIRECTORY } from './cluster.ts';
import { useInstalledCluster } from './installed.ts';
import { deployment, namespace, pod, podSpec, recording } from './manifests.ts';
import type { Profile } from './watched.ts';

const cluster = useInstalledCluster();
const GROUP = 'security-profiles-operator.x-k8s.io';
const isPartial = ({ metadata }: Profile) => metadata.labels?.['spo.x-k8s.io/partial'] !== undefined;
const names = ({ spec }: Profile) => (spec.syscalls ?? []).flatMap((rule) => rule.names).sort();
const has = (name: string) => (profile: Profile) => names(profile).includes(name);
const whole = (name: string) => cluster.eyes.profiles.until(name, (profile) => !isPartial(profile));
const ended = (key: string) =>
  cluster.eyes.pods.until(key, ({ status }) => ['Succeeded', 'Failed'].includes(status?.phase ?? ''));
const ready = (key: string) =>
  cluster.eyes.pods.until(key, ({ status }) => status?.containerStatuses?.every((one) => one.ready) ?? false);
/** Of so many containers that have ended: the status follows within five seconds. */
const completeOf = async (key: string, count: number) => {
  const found = await cluster.eyes.recordings.until(key, ({ status }) => {
    const all = status?.containers ?? [];
    return all.length === count && all.every(({ running, done }) => running === 0 && (done ?? 0) > 0);
  });
  return found.status?.containers?.map(({ name, complete }) => `${name} ${complete}`);
};

test('a StatefulSet: profiles by ordinal; one that is scaled down is whole', cluster.options, async () => {
  const { eyes, apply, kubectl, remove } = cluster;
  const { spec } = deployment('set', 'db', 2, podSpec([{ name: 'c', script: 'mkdir /tmp/x; exec sleep 1000' }])) as {
    spec: object;
  };
  const set = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { namespace: 'set', name: 'db' } };
  await apply(namespace('set'), recording('set', 'db'), { ...set, spec: { ...spec, serviceName: 'db' } });
  for (const name of ['db-c-0', 'db-c-1']) assert.ok(isPartial(await eyes.profiles.until(name, has('mkdir'))));
  await kubectl(['-n', 'set', 'scale', 'statefulset/db', '--replicas=1']);
  assert.ok(has('execve')(await whole('db-c-1')));
  assert.ok(isPartial(await eyes.profiles.until('db-c-0')));
  await remove('-n', 'set', 'statefulset', 'db');
  await whole('db-c-0');
  assert.deepEqual(await completeOf('set/db', 1), ['c True']);
});

test('a Deployment that is scaled down: what is gone is whole, what stays goes on', cluster.options, async () => {
  const { eyes, apply, kubectl, remove } = cluster;
  const spec = podSpec([{ name: 'c', script: 'mkdir /tmp/x; exec sleep 1000' }]);
  await apply(namespace('scaled'), recording('scaled', 'down'), deployment('scaled', 'down', 3, spec));
  const ours = (all: Profile[]) =>
    all.filter(({ metadata }) => metadata.labels?.['spo.x-k8s.io/recording-id'] === 'down');
  await eyes.profiles.all((all) => ours(all).filter(has('mkdir')).length === 3);
  await kubectl(['-n', 'scaled', 'scale', 'deployment/down', '--replicas=1']);
  const all = await eyes.profiles.all((profiles) => ours(profiles).filter((one) => !isPartial(one)).length === 2);
  assert.equal(ours(all).filter(isPartial).length, 1);
  await remove('-n', 'scaled', 'deployment', 'down');
  await eyes.profiles.all((profiles) => ours(profiles).every((one) => !isPartial(one)));
});

test(
  'a sidecar is recorded beside its pod’s containers, from before them to behind them',
  cluster.options,
  async () => {
    const { apply } = cluster;
    const spec = podSpec([{ name: 'main', script: 'mkdir /tmp/x' }], {
      initContainers: [
        { name: 'side', restartPolicy: 'Always', script: 'ln -s x /tmp/y; while :; do sleep 0.2; done' },
        { name: 'init', script: 'rmdir /nowhere; true' },
      ],
    });
    await apply(namespace('beside'), recording('beside', 'car'), pod('beside', 'one', 'car', spec));
    await ended('beside/one');
    assert.ok(has('mkdir')(await whole('car-main')) && has('rmdir')(await whole('car-init')));
    const side = await whole('car-side');
    assert.ok(has('symlink')(side) && !has('mkdir')(side));
    assert.deepEqual(await completeOf('beside/car', 3), ['init True', 'main True', 'side True']);
  },
);

test('probes that execute something are the container’s', cluster.options, async () => {
  const { eyes, apply, remove } = cluster;
  const exec = { command: ['sh', '-c', 'ln -s x /tmp/probed; true'] };
  const spec = podSpec([
    { name: 'c', script: 'mkdir /tmp/x; exec sleep 1000', livenessProbe: { exec, periodSeconds: 1 } },
  ]);
  await apply(namespace('probed'), recording('probed', 'alive'), pod('probed', 'one', 'alive', spec));
  await eyes.profiles.until('alive-c', has('symlink'));
  await remove('-n', 'probed', 'pod', 'one');
  const profile = await whole('alive-c');
  assert.ok(has('mkdir')(profile));
  for (const name of ['pivot_root', 'mount', 'setns']) assert.ok(!has(name)(profile), `${name} is the runtime’s`);
});

test('a pod that is evicted leaves what it did', cluster.options, async () => {
  const { eyes, apply, kubectl } = cluster;
  await apply(
    namespace('evicted'),
    recording('evicted', 'out'),
    pod('evicted', 'one', 'out', podSpec([{ name: 'c', script: 'mkdir /tmp/x; while :; do sleep 0.2; done' }])),
  );
  await ready('evicted/one');
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace: 'evicted', name: 'one' } };
  await kubectl(
    ['create', '--raw', '/api/v1/namespaces/evicted/pods/one/eviction', '-f', '-'],
    JSON.stringify(eviction),
  );
  await eyes.pods.gone('evicted/one');
  assert.ok(has('mkdir')(await whole('out-c')));
  assert.deepEqual(await completeOf('evicted/out', 1), ['c True']);
});

test('an ephemeral container has a profile of its own, and its target keeps clear of it', cluster.options, async () => {
  const { eyes, apply, kubectl, remove } = cluster;
  await apply(
    namespace('debugged'),
    recording('debugged', 'bug', { mergeStrategy: 'Containers' }),
    pod('debugged', 'one', 'bug', podSpec([{ name: 'c', script: 'mkdir /tmp/x; while :; do sleep 0.2; done' }])),
  );
  await ready('debugged/one');
  const added = [
    {
      ...{ name: 'debug', image: 'syscribe.test/busybox:1', imagePullPolicy: 'Never', targetContainerName: 'c' },
      command: ['sh', '-c', 'ln -s x /tmp/y'],
    },
  ];
  const patch = JSON.stringify({ spec: { ephemeralContainers: added } });
  await kubectl(['patch', 'pod', 'one', '-n', 'debugged', '--subresource=ephemeralcontainers', '-p', patch]);
  await eyes.profiles.until('bug-debug', has('symlink'));
  await remove('-n', 'debugged', 'pod', 'one');
  await eyes.recordings.until('debugged/bug', ({ status }) => status?.pods === 0);
  await remove('-n', 'debugged', 'profilerecording', 'bug');
  const [target, debug] = await Promise.all([whole('bug-c'), whole('bug-debug')]);
  assert.ok(has('mkdir')(target) && !has('symlink')(target));
  assert.ok(has('symlink')(debug) && !has('mkdir')(debug));
});

test(
  'a static pod is recorded, under a name that other nodes’ copies do not take',
  cluster.options,
  async (context) => {
    const { eyes, apply } = cluster;
    await apply(namespace('static'), recording('static', 'file'));
    const manifests = join(DIRECTORY, 'node-1/manifests');
    const file = join(manifests, 'static.json');
    context.after(() => rmSync(file, { force: true }));
    const spec = podSpec([{ name: 'c', script: 'mkdir /tmp/x; while :; do sleep 0.2; done' }]);
    writeFileSync(file, JSON.stringify(pod('static', 'one', 'file', spec)));
    await ready('static/one-node-1');
    const live = await eyes.profiles.all((all) =>
      all.some((profile) => profile.metadata.labels?.['spo.x-k8s.io/recording-id'] === 'file' && has('mkdir')(profile)),
    );
    const { metadata } = live.find(
      (profile) => profile.metadata.labels?.['spo.x-k8s.io/recording-id'] === 'file',
    ) as Profile;
    assert.match(metadata.name, /^file-c-[0-9a-f]{8}$/);
    rmSync(file);
    await whole(metadata.name);
  },
);

test(
  'SPO’s label of memory optimisation changes nothing; its older versions are understood',
  cluster.options,
  async () => {
    const { apply, kubectl } = cluster;
    const labelled = pod('older', 'one', 'old', podSpec([{ name: 'c', script: 'mkdir /tmp/x' }])) as {
      metadata: { labels: object };
    };
    await apply(namespace('older'), {
      apiVersion: `${GROUP}/v1alpha1`,
      kind: 'ProfileRecording',
      metadata: { namespace: 'older', name: 'old' },
      spec: {
        kind: 'SeccompProfile',
        recorder: 'bpf',
        mergeStrategy: 'none',
        podSelector: { matchLabels: { app: 'old' } },
      },
    });
    const labels = { ...labelled.metadata.labels, 'spo.x-k8s.io/enable-recording': 'true' };
    await apply({ ...labelled, metadata: { ...labelled.metadata, labels } });
    await ended('older/one');
    assert.ok(has('mkdir')(await whole('old-c')));
    const read = async (resource: string, ...name: string[]) =>
      JSON.parse(await kubectl(['get', `${resource}.${GROUP}`, ...name, '-o', 'json']));
    const { spec } = await read('profilerecordings.v1alpha1', 'old', '-n', 'older');
    assert.deepEqual([spec.recorder, spec.mergeStrategy], ['bpf', 'none']);
    assert.equal((await read('profilerecordings.v1', 'old', '-n', 'older')).spec.recorder, 'Bpf');
    const beta = await read('seccompprofiles.v1beta1', 'old-c');
    assert.ok(has('mkdir')(beta));
  },
);

/** As a Prometheus would: nobody can verify the agent's own certificate. */
async function scrape(path: string, token?: string): Promise<{ status: number; body: string; version: string }> {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const asked = request({ host: '10.97.0.1', port: 9443, path, headers, rejectUnauthorized: false });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, body: await text(response), version: response.httpVersion };
}

test('metrics are for those whom the API server lets have them, and count on', cluster.options, async () => {
  const { apply, kubectl } = cluster;
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', apiGroup: 'rbac.authorization.k8s.io' };
  await apply(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name: 'prometheus' } },
    {
      apiVersion: rbac.apiVersion,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'prometheus' },
      roleRef: { apiGroup: rbac.apiGroup, kind: 'ClusterRole', name: 'spo-metrics-client' },
      subjects: [{ kind: 'ServiceAccount', name: 'prometheus', namespace: 'default' }],
    },
  );
  const tokenOf = async (name: string) => (await kubectl(['create', 'token', name])).trim();
  const [may, mayNot] = [await tokenOf('prometheus'), await tokenOf('default')];
  for (const path of ['/metrics', '/metrics-spod']) {
    assert.deepEqual([(await scrape(path)).status, (await scrape(path, 'nonsense')).status], [401, 401]);
    assert.equal((await scrape(path, mayNot)).status, 403);
    const { status, body, version } = await scrape(path, may);
    assert.deepEqual([status, version], [200, '1.1']);
    assert.match(body, path === '/metrics' ? /^process_cpu_seconds_total \d/m : /^syscribe_recorder_slots\{/m);
  }
  const scrapes = async () => {
    const { body } = await scrape('/metrics-spod', may);
    return Number(/^promhttp_metric_handler_requests_total\{code="200"\} (\d+)$/m.exec(body)?.[1]);
  };
  const before = await scrapes();
  assert.equal(await scrapes(), before + 1);
});
