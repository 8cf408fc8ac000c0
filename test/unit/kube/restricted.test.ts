import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Connection } from '../../../src/kube/config.ts';
import { type KubeObject, NAMESPACES, NODES, PODS } from '../../../src/kube/object.ts';
import { Informer } from '../../../src/kube/reflector.ts';
import { RestrictedClient } from '../../../src/kube/restricted.ts';
import { Changes } from '../../support/changes.ts';
import { FakeApiServer } from '../../support/fake-api-server.ts';
import { pod } from '../../support/kube.ts';

async function begin(context: TestContext, namespaces: string[]) {
  const server = await FakeApiServer.start();
  const connection = new Connection({ server: server.url, namespace: 'default', insecure: false, headers: {} });
  const client = new RestrictedClient(connection, { namespaces });
  context.after(async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  return { server, client };
}

function follow(context: TestContext, client: RestrictedClient) {
  const informer = new Informer<KubeObject>({ client, resource: PODS });
  const changes = new Changes();
  informer.onChange(() => changes.tell());
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  context.after(async () => {
    stop.abort();
    await running;
  });
  const names = () => [...informer.list()].map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).toSorted();
  return { informer, names, until: (...wanted: string[]) => changes.until(() => names().join() === wanted.join()) };
}

test('of namespaced types it sees its namespaces, and asks of no others', async (context) => {
  const { server, client } = await begin(context, ['a', 'b']);
  for (const namespace of ['a', 'b', 'c']) server.put(PODS, pod('one', {}, namespace));
  const { informer, until, names } = follow(context, client);
  await informer.synced;
  assert.deepEqual(names(), ['a/one', 'b/one']);
  await server.changes.until(() => server.watches.size === 2);
  server.put(PODS, pod('two', {}, 'b'));
  server.put(PODS, pod('two', {}, 'c'));
  server.remove(PODS, 'a/one');
  await until('b/one', 'b/two');
  const paths = new Set(server.asked.map(({ path }) => path));
  assert.deepEqual([...paths], ['/api/v1/namespaces/a/pods', '/api/v1/namespaces/b/pods']);
});

test('when one watch ends, nothing is lost that another had not told yet', async (context) => {
  const { server, client } = await begin(context, ['a', 'b']);
  server.put(PODS, pod('one', {}, 'a'));
  const { informer, until } = follow(context, client);
  await informer.synced;
  await server.changes.until(() => server.watches.size === 2);
  server.mute = true;
  server.put(PODS, pod('untold', {}, 'b'));
  server.remove(PODS, 'a/one');
  server.mute = false;
  server.put(PODS, pod('told', {}, 'a'));
  await until('a/one', 'a/told');
  const [first] = server.watches;
  first?.response.end();
  await until('a/told', 'b/untold');
});

test('namespaces are asked for by name, types without namespaces as ever', async (context) => {
  const { server, client } = await begin(context, ['a', 'b']);
  for await (const _ of client.pages(NAMESPACES, { labelSelector: 'x' })) assert.ok(_);
  for await (const _ of client.pages(NODES)) assert.ok(_);
  for await (const _ of client.pages(PODS, { namespace: 'z' })) assert.ok(_);
  assert.deepEqual(
    server.asked.map(({ path, query }) => [path, query.get('fieldSelector'), query.get('labelSelector')]),
    [
      ['/api/v1/namespaces', 'metadata.name=a', 'x'],
      ['/api/v1/namespaces', 'metadata.name=b', 'x'],
      ['/api/v1/nodes', null, null],
      ['/api/v1/namespaces/z/pods', null, null],
    ],
  );
});
