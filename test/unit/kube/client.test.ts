import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKube, type KubeErrorKind } from '../../../src/kube/errors.ts';
import { type KubeObject, NODES, PODS } from '../../../src/kube/object.ts';
import { SyscribeError } from '../../../src/platform/errors.ts';
import { pod, serve } from '../../support/kube.ts';

const ref = { namespace: 'n', name: 'a' };

test('objects are created, read, replaced, patched, applied and deleted', async (context) => {
  const { client, server } = await serve(context);
  const created = await client.create(PODS, pod('a', { spec: 1 }));
  assert.deepEqual(await client.get(PODS, ref), created);
  const replaced = await client.replace(PODS, { ...created, spec: 2 });
  assert.equal((replaced as KubeObject & { spec: number }).spec, 2);
  await client.patch(PODS, ref, { spec: 3 }, { type: 'merge', subresource: 'status' });
  await client.apply(PODS, { metadata: ref }, { fieldManager: 'me' });
  await client.delete(PODS, ref, { preconditions: { uid: created.metadata.uid ?? '' } });
  assert.deepEqual(
    server.asked.map(({ method, path, query, headers }) => [method, `${path}?${query}`, headers['content-type']]),
    [
      ['POST', '/api/v1/namespaces/n/pods?', 'application/json'],
      ['GET', '/api/v1/namespaces/n/pods/a?', undefined],
      ['PUT', '/api/v1/namespaces/n/pods/a?', 'application/json'],
      ['PATCH', '/api/v1/namespaces/n/pods/a/status?', 'application/merge-patch+json'],
      ['PATCH', '/api/v1/namespaces/n/pods/a?fieldManager=me&force=true', 'application/apply-patch+yaml'],
      ['DELETE', '/api/v1/namespaces/n/pods/a?', 'application/json'],
    ],
  );
  assert.deepEqual(JSON.parse(server.asked[4]?.body ?? ''), { metadata: ref, apiVersion: 'v1', kind: 'Pod' });
});

test('requests that follow one another share connections', async (context) => {
  const { client, server } = await serve(context);
  server.put(NODES, { metadata: { name: 'n' } });
  for (let time = 0; time < 20; time++) await client.get(NODES, { name: 'n' });
  // undici tells an answer's end before its connection is free again.
  assert.ok(server.connections <= 2, `${server.connections} connections`);
});

const ANSWERS: readonly (readonly [number, string | undefined, KubeErrorKind])[] = [
  [400, 'BadRequest', 'invalid'],
  [401, 'Unauthorized', 'unauthorized'],
  [403, 'Forbidden', 'forbidden'],
  [404, 'NotFound', 'notFound'],
  [405, 'MethodNotAllowed', 'terminal'],
  [409, 'AlreadyExists', 'alreadyExists'],
  [409, 'Conflict', 'conflict'],
  [410, 'Expired', 'gone'],
  [413, 'RequestEntityTooLarge', 'invalid'],
  [422, 'Invalid', 'invalid'],
  [429, 'TooManyRequests', 'throttled'],
  [500, 'InternalError', 'retryable'],
  [501, undefined, 'terminal'],
  [503, 'ServiceUnavailable', 'retryable'],
];

for (const [status, reason, kind] of ANSWERS)
  test(`an answer ${status} ${reason ?? ''} is of kind ${kind}`, async (context) => {
    const { client, server } = await serve(context);
    const body = JSON.stringify({ kind: 'Status', code: status, reason, message: 'why' });
    server.fail(() => true, { status, body, headers: { 'Retry-After': '7' } });
    await assert.rejects(client.get(PODS, ref), (error) => {
      assert.ok(isKube(error, kind) && error instanceof SyscribeError);
      assert.equal(error.message, 'GET /api/v1/namespaces/n/pods/a: why');
      const { code, reason: why, retryAfter } = error;
      assert.deepEqual([code, error.status, why, retryAfter], ['ERR_KUBE_REQUEST', status, reason, 7000]);
      return true;
    });
  });

test('a command’s request is sent again when the server throttled it, so often and no more', async (context) => {
  const { client, server } = await serve(context, { throttledRetries: 2 });
  server.put(NODES, { metadata: { name: 'n' } });
  const throttle = (seconds: string) => server.fail(() => true, { status: 429, headers: { 'Retry-After': seconds } });
  for (const seconds of ['0', '0']) throttle(seconds);
  assert.equal((await client.get(NODES, { name: 'n' })).metadata.name, 'n');
  for (const seconds of ['0', '0', '0']) throttle(seconds);
  await assert.rejects(client.get(NODES, { name: 'n' }), { kind: 'throttled' });
  assert.equal(server.asked.length, 6);
});

test('a pause that is longer than a request may take is not waited for', async (context) => {
  const { client, server } = await serve(context, { throttledRetries: 2 });
  server.fail(() => true, { status: 429, headers: { 'Retry-After': '31' } });
  await assert.rejects(client.get(PODS, ref), { kind: 'throttled', retryAfter: 31_000 });
  assert.equal(server.asked.length, 1);
});

test('a command that is ended while the server throttles it waits no longer', async (context) => {
  const { client, server } = await serve(context, { throttledRetries: 2 });
  server.fail(() => true, { status: 429, headers: { 'Retry-After': '30' } });
  const stop = new AbortController();
  const asking = client.get(PODS, ref, { signal: stop.signal });
  await server.changes.until(() => server.asked.length === 1);
  stop.abort(new Error('ended'));
  await assert.rejects(asking, /ended/);
  assert.equal(server.asked.length, 1);
});

test('an error shows nothing of a body that is no Status, nor of JSON that is none', async (context) => {
  const { client, server } = await serve(context);
  server.fail(() => true, { status: 502, body: '<html>secret' });
  await assert.rejects(client.get(PODS, ref), { kind: 'retryable', message: /pods\/a: the server answered 502$/ });
  server.fail(() => true, { status: 200, body: 'secret' });
  await assert.rejects(client.get(PODS, ref), (error: Error) => {
    assert.match(error.message, /6 characters is not JSON/);
    assert.equal(error.cause, undefined);
    return isKube(error, 'retryable');
  });
});

test('an answer that is JSON but no list is an error', async (context) => {
  const { client, server } = await serve(context);
  server.fail(() => true, { status: 200, body: '{}' });
  await assert.rejects(client.pages(PODS).next(), { kind: 'retryable', message: /is no list/ });
});

test('a server that is silent, resets or is away makes requests fail, once each', async (context) => {
  const { client, server } = await serve(context, { timeout: 50 });
  server.fail(() => true, 'silent');
  await assert.rejects(client.get(PODS, ref), { kind: 'retryable', message: /no answer within 50 ms/ });
  server.fail(() => true, 'reset');
  await assert.rejects(client.get(PODS, ref), { kind: 'retryable', status: undefined });
  assert.equal(server.asked.length, 2);
  await server.close();
  await assert.rejects(client.get(PODS, ref), { kind: 'retryable', message: /ECONNREFUSED/ });
});

test('an abort ends a request with its own reason', async (context) => {
  const { client, server } = await serve(context);
  const reason = new Error('enough');
  const controller = new AbortController();
  server.fail(() => true, 'silent');
  const asked = client.get(PODS, ref, { signal: controller.signal });
  await server.changes.until(() => server.asked.length === 1);
  controller.abort(reason);
  await assert.rejects(asked, reason);
  await assert.rejects(client.get(PODS, ref, { signal: controller.signal }), reason);
  assert.equal(server.asked.length, 1);
});

test('a list comes in pages of one version, and says what its objects are', async (context) => {
  const { client, server } = await serve(context);
  for (const name of ['a', 'b', 'c', 'd', 'e']) server.put(PODS, pod(name));
  const names: string[][] = [];
  const versions = new Set<string>();
  for await (const { items, resourceVersion } of client.pages(PODS, { limit: 2 })) {
    for (const item of items) assert.deepEqual([item.apiVersion, item.kind], ['v1', 'Pod']);
    names.push(items.map(({ metadata }) => metadata.name));
    versions.add(resourceVersion);
    server.put(PODS, pod('z'));
  }
  assert.deepEqual(
    [names, versions.size],
    [
      [
        ['a', 'b'],
        ['c', 'd'],
        ['e', 'z'],
      ],
      1,
    ],
  );
});

test('a watch goes on from its version, and lets go of its connection when it is left', async (context) => {
  const { client, server } = await serve(context);
  const { resourceVersion } = server.put(PODS, pod('a')).metadata;
  server.put(PODS, pod('b'));
  for await (const { type, object } of client.watch(PODS, { resourceVersion, timeoutSeconds: 300 })) {
    assert.deepEqual([type, object.metadata.name], ['ADDED', 'b']);
    break;
  }
  await server.changes.until(() => server.watches.size === 0);
});

test('a quiet watch outlives the time that requests have', async (context) => {
  const { client, server } = await serve(context, { timeout: 300 });
  const opened = Promise.withResolvers<void>();
  const watch = client.watch(PODS, { resourceVersion: '1', timeoutSeconds: 300, opened: opened.resolve });
  const event = watch.next();
  await opened.promise;
  server.fail(() => true, 'silent');
  await assert.rejects(client.get(PODS, ref), /no answer within 300 ms/);
  server.put(PODS, pod('late'));
  assert.equal((await event).value?.object.metadata.name, 'late');
  await watch.return(undefined);
});

const BROKEN: readonly (readonly [string, string, RegExp])[] = [
  ['{"type":"ADDED"\n', 'retryable', /15 characters is not JSON/],
  ['{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"too old"}}\n', 'gone', /too old/],
  ['{"type":"ADDED"}\n', 'retryable', /is no event/],
  ['{"type":"ERROR","object":{"code":500}}\n', 'retryable', /the server answered 500/],
  [`${'x'.repeat(17 * 2 ** 20)}\n`, 'retryable', /longer than 16777216 bytes/],
];

for (const [line, kind, message] of BROKEN)
  test(`a watch in which comes ${line.slice(0, 40).trim()} fails`, async (context) => {
    const { client, server } = await serve(context);
    const watch = client.watch(PODS, { resourceVersion: '1', timeoutSeconds: 300 });
    const event = watch.next();
    await server.changes.until(() => server.watches.size === 1);
    for (const { response } of server.watches) response.write(line);
    await assert.rejects(event, { kind, message });
  });

test('a watch that is cut within a line fails', async (context) => {
  const { client, server } = await serve(context);
  const watch = client.watch(PODS, { resourceVersion: '1', timeoutSeconds: 300 });
  const event = watch.next();
  await server.changes.until(() => server.watches.size === 1);
  for (const { response } of server.watches) response.end('{"type"');
  await assert.rejects(event, { kind: 'retryable', message: /ended within a line/ });
});
