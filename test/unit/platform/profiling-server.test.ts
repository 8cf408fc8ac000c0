import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProfilingServer } from '../../../src/platform/profiling-server.ts';

test('profiles of time and memory are at Go’s addresses, one at a time', async () => {
  await using server = await ProfilingServer.listen({ host: '127.0.0.1', port: 0 });
  const get = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);
  const heap = await get('/debug/pprof/heap');
  assert.ok('head' in JSON.parse(await heap.text()));
  const [one, other] = await Promise.all([
    get('/debug/pprof/profile?seconds=0.2'),
    get('/debug/pprof/profile?seconds=0.2'),
  ]);
  assert.deepEqual([one.status, other.status].sort(), [200, 409]);
  const profile = JSON.parse(await (one.status === 200 ? one : other).text());
  assert.ok(Array.isArray(profile.nodes) && profile.endTime > profile.startTime);
  for (const seconds of ['0', '61', 'x', '-1'])
    assert.equal((await get(`/debug/pprof/profile?seconds=${seconds}`)).status, 400);
  assert.equal((await get('/')).status, 404);
});

test('a profile that is being made does not keep it from ending', async () => {
  const server = await ProfilingServer.listen({ host: '127.0.0.1', port: 0 });
  const asked = fetch(`http://127.0.0.1:${server.port}/debug/pprof/profile?seconds=60`).catch(() => 'ended');
  while ((await fetch(`http://127.0.0.1:${server.port}/debug/pprof/heap`).then(({ status }) => status)) !== 409);
  await server[Symbol.asyncDispose]();
  assert.equal(await asked, 'ended');
});
