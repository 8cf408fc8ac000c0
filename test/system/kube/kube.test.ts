import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { KubeClient } from '../../../src/kube/client.ts';
import { loadConnection } from '../../../src/kube/config.ts';
import { EventRecorder } from '../../../src/kube/events.ts';
import { LeaderElection } from '../../../src/kube/lease.ts';
import { type KubeObject, NAMESPACES, type Resource, SECRETS } from '../../../src/kube/object.ts';
import { Informer } from '../../../src/kube/reflector.ts';
import { Changes } from '../../support/changes.ts';
import { withoutApiServer } from '../cluster/cluster.ts';
import { useCluster } from '../cluster/use.ts';
import { Tunnel } from './tunnel.ts';

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };

/** The controllers put one into each namespace. */
const fieldSelector = 'metadata.name!=kube-root-ca.crt';

interface ConfigMap extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
}

const cluster = useCluster(0);
const { options } = cluster;

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** A client whose way to the API server can be watched and cut; each test has a namespace of its own. */
async function connect(context: TestContext, namespace: string) {
  const tunnel = await Tunnel.start();
  const connection = loadConnection({ kubeconfig: tunnel.through(cluster.kubeconfig, context) });
  const client = new KubeClient(connection);
  context.after(async () => {
    await client[Symbol.asyncDispose]();
    await tunnel[Symbol.asyncDispose]();
  });
  await client.create(NAMESPACES, { metadata: { name: namespace } });
  return { client, tunnel };
}

function map(namespace: string, name: string, data: Record<string, string> = {}): ConfigMap {
  return { metadata: { namespace, name }, data };
}

/** An informer that runs until the test ends, and waits for what it knows. */
function follow(context: TestContext, client: KubeClient, namespace: string) {
  const failures: string[] = [];
  const log = {
    info: () => {},
    warn: ({ error }: { error?: Error }) => failures.push(String(error?.message)),
  };
  const informer = new Informer<ConfigMap>({ client, resource: CONFIG_MAPS, log }, { namespace, fieldSelector });
  const changes = new Changes();
  const told: string[] = [];
  informer.onChange((key, now, before) => {
    told.push(`${before ? (now ? '~' : '-') : '+'}${key.split('/')[1]}`);
    changes.tell();
  });
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  context.after(async () => {
    stop.abort();
    await running;
  });
  const knows = (name: string, value?: string) =>
    changes.until(() => {
      const found = informer.get(`${namespace}/${name}`);
      return value === undefined ? found === undefined : found?.data.key === value;
    });
  return { informer, told, failures, knows };
}

test('objects are created, read, replaced, patched, applied and deleted', options, async (context) => {
  const { client } = await connect(context, 'crud');
  const ref = { namespace: 'crud', name: 'a' };
  const created = await client.create(CONFIG_MAPS, map('crud', 'a', { key: '1' }));
  await assert.rejects(client.create(CONFIG_MAPS, map('crud', 'a')), {
    kind: 'alreadyExists',
    reason: 'AlreadyExists',
  });
  const replaced = await client.replace(CONFIG_MAPS, { ...created, data: { key: '2' } });
  await assert.rejects(client.replace(CONFIG_MAPS, created), { kind: 'conflict', status: 409 });
  await client.patch(CONFIG_MAPS, ref, { data: { other: '3' } }, { type: 'merge' });
  await client.patch(CONFIG_MAPS, ref, [{ op: 'replace', path: '/data/key', value: '4' }], { type: 'json' });
  assert.deepEqual((await client.get<ConfigMap>(CONFIG_MAPS, ref)).data, { key: '4', other: '3' });
  assert.equal(replaced.metadata.uid, created.metadata.uid);
  const wrong = client.delete(CONFIG_MAPS, ref, { preconditions: { uid: 'other' } });
  await assert.rejects(wrong, { kind: 'conflict' });
  await client.delete(CONFIG_MAPS, ref, { preconditions: { uid: created.metadata.uid ?? '' } });
  await assert.rejects(client.get(CONFIG_MAPS, ref), { kind: 'notFound', reason: 'NotFound' });
  await assert.rejects(client.create(CONFIG_MAPS, map('crud', 'No Name')), { kind: 'invalid', reason: 'Invalid' });
  const generated = { metadata: { namespace: 'crud', name: '', generateName: 'x-' } };
  assert.match((await client.create(SECRETS, generated)).metadata.name, /^x-\w{5}$/);
});

test('server-side apply owns the fields it sends, and no others', options, async (context) => {
  const { client } = await connect(context, 'apply');
  const one = (data: Record<string, string>) =>
    client.apply<ConfigMap>(CONFIG_MAPS, map('apply', 'a', data), { fieldManager: 'one' });
  await one({ mine: '1', both: '1' });
  const two = map('apply', 'a', { theirs: '2', both: '2' });
  await assert.rejects(client.apply(CONFIG_MAPS, two, { fieldManager: 'two', force: false }), { kind: 'conflict' });
  const { data } = await client.apply<ConfigMap>(CONFIG_MAPS, two, { fieldManager: 'two' });
  assert.deepEqual(data, { mine: '1', both: '2', theirs: '2' });
  assert.deepEqual((await one({})).data, { both: '2', theirs: '2' });
});

test('a list of many pages is of one version, and a watch goes on from it', options, async (context) => {
  const { client } = await connect(context, 'pages');
  for (let index = 0; index < 12; index++) await client.create(CONFIG_MAPS, map('pages', `m${index}`));
  const names: string[] = [];
  let version = '';
  const selection = { namespace: 'pages', fieldSelector };
  for await (const { items, resourceVersion } of client.pages(CONFIG_MAPS, { ...selection, limit: 5 })) {
    if (version === '') await client.create(CONFIG_MAPS, map('pages', 'later'));
    for (const { metadata, kind } of items) names.push(`${kind} ${metadata.name}`);
    assert.ok(version === '' || version === resourceVersion);
    version = resourceVersion;
  }
  assert.deepEqual(names, Array.from({ length: 12 }, (_, index) => `ConfigMap m${index}`).sort());
  const watch = { ...selection, resourceVersion: version, timeoutSeconds: 60 };
  for await (const { type, object } of client.watch(CONFIG_MAPS, watch)) {
    assert.deepEqual([type, object.metadata.name], ['ADDED', 'later']);
    break;
  }
});

test('an informer is told what happened while its way was cut', options, async (context) => {
  const { client, tunnel } = await connect(context, 'cut');
  for (const name of ['changed', 'gone', 'same']) await client.create(CONFIG_MAPS, map('cut', name, { key: '1' }));
  const { informer, told, knows } = follow(context, client, 'cut');
  await informer.synced;
  assert.deepEqual(told, ['+changed', '+gone', '+same']);
  tunnel.cut();
  await kubectl('-n', 'cut', 'delete', 'configmap', 'gone');
  await kubectl('-n', 'cut', 'patch', 'configmap', 'changed', '-p', '{"data":{"key":"2"}}');
  await kubectl('-n', 'cut', 'create', 'configmap', 'new', '--from-literal=key=3');
  tunnel.mend();
  await knows('new', '3');
  assert.deepEqual(told.slice(3).sort(), ['+new', '-gone', '~changed']);
});

test('an informer outlives the API server, and misses nothing', options, async (context) => {
  const { client } = await connect(context, 'restart');
  await client.create(CONFIG_MAPS, map('restart', 'before', { key: '1' }));
  const { informer, told, failures, knows } = follow(context, client, 'restart');
  await knows('before', '1');
  await withoutApiServer(async () => {
    await assert.rejects(client.get(NAMESPACES, { name: 'restart' }), { kind: 'retryable' });
  });
  await kubectl('-n', 'restart', 'patch', 'configmap', 'before', '-p', '{"data":{"key":"2"}}');
  await kubectl('-n', 'restart', 'create', 'configmap', 'behind', '--from-literal=key=3');
  await knows('behind', '3');
  await kubectl('-n', 'restart', 'delete', 'configmap', 'before');
  await knows('before');
  assert.equal(informer.connected, true);
  assert.deepEqual(told, ['+before', '~before', '+behind', '-before']);
  assert.ok(failures.length > 0);
  // It knows nothing of what was before its start.
  const old = client.watch(CONFIG_MAPS, { resourceVersion: '1', timeoutSeconds: 60 });
  await assert.rejects(old.next(), { kind: 'gone' });
});

test('of two elections one leads, and the other behind its end', options, async (context) => {
  const { client } = await connect(context, 'lease');
  const order: string[] = [];
  const changes = new Changes();
  const stops = [new AbortController(), new AbortController()];
  let leading = 0;
  const running = stops.map(async ({ signal }, index) => {
    const settings = { leaseDuration: 3000, renewDeadline: 2000, retryPeriod: 200 };
    const election = new LeaderElection(client, {
      namespace: 'lease',
      name: 'l',
      identity: `id-${index}`,
      ...settings,
    });
    await election.run(signal, async (told) => {
      assert.equal(++leading, 1);
      order.push(`id-${index}`);
      changes.tell();
      while (!told.aborted) await new Promise((resolve) => told.addEventListener('abort', resolve, { once: true }));
      leading -= 1;
    });
  });
  await changes.until(() => order.length === 1);
  const holder = () => kubectl('-n', 'lease', 'get', 'lease', 'l', '-o', 'jsonpath={.spec.holderIdentity}');
  assert.equal(await holder(), order[0]);
  stops[order[0] === 'id-0' ? 0 : 1]?.abort();
  await changes.until(() => order.length === 2);
  assert.equal(await holder(), order[1]);
  for (const stop of stops) stop.abort();
  await Promise.all(running);
  assert.deepEqual(order.toSorted(), ['id-0', 'id-1']);
  assert.equal(await holder(), '');
});

test('events are shown by kubectl, counted', options, async (context) => {
  const { client } = await connect(context, 'events');
  await using recorder = new EventRecorder(client, { component: 'syscribe', host: 'node-1' });
  const { metadata } = await client.create(CONFIG_MAPS, map('events', 'a'));
  const regarding = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'events', name: 'a', uid: metadata.uid ?? '' };
  for (let time = 0; time < 3; time++) {
    recorder.event(regarding, 'Warning', 'Failed', 'it did not work');
    await recorder.flush();
  }
  const node = { apiVersion: 'v1', kind: 'Node', name: 'none', uid: 'none' };
  recorder.event(node, 'Normal', 'Seen', 'of the cluster');
  await recorder.flush();
  assert.deepEqual(recorder.stats, { waiting: 0, sent: 4, failed: 0, dropped: 0 });
  const columns = 'custom-columns=T:.type,R:.reason,C:.count,M:.message';
  const shown = (namespace: string) => kubectl('-n', namespace, 'get', 'events', '--no-headers', '-o', columns);
  assert.match(await shown('events'), /^Warning +Failed +3 +it did not work\n$/);
  assert.match(await shown('default'), /^Normal +Seen +1 +of the cluster$/m);
  assert.match(
    await kubectl('-n', 'events', 'describe', 'configmap', 'a'),
    /Failed .*\(x3 over .*\) +syscribe +it did/,
  );
});

test('100 requests and two watches share six connections at most', options, async (context) => {
  const { client, tunnel } = await connect(context, 'shared');
  const first = follow(context, client, 'shared');
  const second = follow(context, client, 'shared');
  await Promise.all([first.informer.synced, second.informer.synced]);
  for (let time = 0; time < 100; time++) await client.get(NAMESPACES, { name: 'shared' });
  // Of each informer its list and its watch, if the one is not free yet when the other begins, and one for requests before and behind.
  assert.ok(tunnel.connections <= 6, `${tunnel.connections} connections`);
});
