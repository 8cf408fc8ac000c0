import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { customResource, NAMESPACES, pathOf, type Resource } from '../../../src/kube/object.ts';
import { enforce, planOf, undo } from '../../../src/kubectl/enforce.ts';
import { PROFILES, RECORDINGS, recordWorkload } from '../../../src/kubectl/record.ts';
import { findWorkload } from '../../../src/kubectl/workload.ts';
import { serve } from '../../support/kube.ts';

const DEPLOYMENTS: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
};
const BINDINGS = customResource('profilebindings', 'ProfileBinding', true);
const SELECTOR = { matchLabels: { app: 'web' } };
const CONTAINERS = [
  { name: 'front', image: 'nginx:1' },
  { name: 'side', image: 'envoy:1' },
];

async function cluster(context: TestContext) {
  const { server, client } = await serve(context);
  server.put(NAMESPACES, { metadata: { name: 'shop' } });
  const spec = { selector: SELECTOR, template: { metadata: {}, spec: { containers: CONTAINERS } } };
  server.put(DEPLOYMENTS, { metadata: { name: 'web', namespace: 'shop' }, spec });
  const labels = async () => (await client.get(NAMESPACES, { name: 'shop' })).metadata.labels ?? {};
  return { server, client, labels, workload: await findWorkload(client, 'deploy/web', 'shop') };
}

test('a workload is found by what kubectl calls it; what is none, or not there, is told', async (context) => {
  const { client, workload } = await cluster(context);
  assert.deepEqual([workload.selector, workload.containers], [SELECTOR, CONTAINERS]);
  for (const text of ['web', 'pod/web', 'deploy/', 'deploy/a/b'])
    await assert.rejects(findWorkload(client, text, 'shop'), { code: 'ERR_USAGE' });
  await assert.rejects(findWorkload(client, 'deployment/other', 'shop'), { code: 'ERR_TARGET_NOT_FOUND' });
});

test('a recording is made for the workload’s pods, and deleted at its end; profiles of it are what is left', async (context) => {
  const { server, client, labels, workload } = await cluster(context);
  const of = { 'spo.x-k8s.io/recording-namespace': 'shop', 'spo.x-k8s.io/recording-id': 'web' };
  server.put(PROFILES, { metadata: { name: 'web-front', labels: of } });
  server.put(PROFILES, { metadata: { name: 'web-front-x', labels: { ...of, 'spo.x-k8s.io/partial': 'true' } } });
  server.put(PROFILES, { metadata: { name: 'else', labels: { ...of, 'spo.x-k8s.io/recording-id': 'else' } } });
  const stop = new AbortController();
  const seen: object[] = [];
  const profiles = await recordWorkload(client, workload, {
    ...{ name: 'web', restart: true, stop: stop.signal, say: () => {} },
    progress: () => {
      seen.push(server.objects.get(pathOf(RECORDINGS), 'shop/web'));
      stop.abort();
    },
  });
  assert.deepEqual((seen[0] as { spec: object }).spec, {
    ...{ kind: 'SeccompProfile', recorder: 'Bpf', mergeStrategy: 'Containers', podSelector: SELECTOR },
  });
  assert.deepEqual(
    profiles.map(({ metadata }) => metadata.name),
    ['web-front'],
  );
  assert.deepEqual(server.objects.all(pathOf(RECORDINGS)), []);
  assert.deepEqual(await labels(), {}, 'as it was before');
  const { spec } = server.objects.get(pathOf(DEPLOYMENTS), 'shop/web') as unknown as {
    spec: { template: { metadata: object } };
  };
  assert.ok('annotations' in spec.template.metadata);
});

test('where there is a recording of that name, nothing is changed', async (context) => {
  const { server, client, labels, workload } = await cluster(context);
  server.put(RECORDINGS, { metadata: { name: 'web', namespace: 'shop' } });
  const stop = AbortSignal.abort();
  const settings = { name: 'web', restart: true, stop, say: () => {}, progress: () => {} };
  await assert.rejects(recordWorkload(client, workload, settings), { code: 'ERR_USAGE' });
  assert.ok(server.objects.get(pathOf(RECORDINGS), 'shop/web'));
  assert.deepEqual(await labels(), {});
});

test('each container’s image is bound to its profile, and undo takes all of it away', async (context) => {
  const { server, client, labels, workload } = await cluster(context);
  for (const name of ['web-front', 'web-side']) server.put(PROFILES, { metadata: { name }, spec: {} });
  const names = await enforce(
    client,
    workload,
    planOf(workload, (name) => `web-${name}`, []),
  );
  const bound = names.map(
    (name) => (server.objects.get(pathOf(BINDINGS), `shop/${name}`) as unknown as { spec: object }).spec,
  );
  const of = (name: string) => ({ kind: 'SeccompProfile', name });
  assert.deepEqual(bound, [
    { image: 'nginx:1', profileRef: of('web-front'), podSelector: SELECTOR },
    { image: 'envoy:1', profileRef: of('web-side'), podSelector: SELECTOR },
  ]);
  assert.deepEqual(await labels(), { 'spo.x-k8s.io/enable-binding': '' });
  assert.deepEqual((await undo(client, workload)).toSorted(), names.toSorted());
  assert.deepEqual(await labels(), {});
  assert.deepEqual(await undo(client, workload), []);
});

test('a profile that is not there, or not whole, is not bound', async (context) => {
  const { server, client, labels, workload } = await cluster(context);
  const plan = [{ image: 'nginx:1', profile: 'p' }];
  await assert.rejects(enforce(client, workload, plan), /there is no SeccompProfile p/);
  server.put(PROFILES, { metadata: { name: 'p', labels: { 'spo.x-k8s.io/partial': 'true' } }, spec: {} });
  await assert.rejects(enforce(client, workload, plan), /still being recorded/);
  assert.deepEqual(await labels(), {});
});

test('containers of one image cannot be told apart by bindings', () => {
  const workload = {
    name: 'web',
    containers: [CONTAINERS[0], { name: 'again', image: 'nginx:1' }] as typeof CONTAINERS,
  };
  assert.throws(() => planOf(workload, (name) => `web-${name}`, []), /two containers of web have the image nginx:1/);
  assert.deepEqual(
    planOf(workload, () => 'p', []),
    [{ image: 'nginx:1', profile: 'p' }],
  );
  assert.deepEqual(
    planOf(workload, (name) => name, ['front']),
    [{ image: 'nginx:1', profile: 'front' }],
  );
  assert.throws(() => planOf(workload, () => 'p', ['no']), /web has no container no/);
});
