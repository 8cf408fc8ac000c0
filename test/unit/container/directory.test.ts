import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { ContainerDirectory } from '../../../src/container/directory.ts';
import { loadProto, serviceOf } from '../../../src/platform/grpc.ts';
import { temporary } from '../../system/support/syscribe.ts';

const PROTO = new URL('../../../src/container/cri/cri.proto', import.meta.url);
type Answer = Record<string, object | undefined>;

/** Speaks the real protocol over a real socket; what it knows is made up. It does not answer while `held`. */
async function serve(
  context: TestContext,
  containers: Answer,
  sandboxes: Answer = {},
  held: (id: string) => boolean = () => false,
) {
  const asked: string[] = [];
  const answer =
    (known: Answer, key: string) =>
    (call: ServerUnaryCall<Record<string, string>, object>, done: sendUnaryData<object>) => {
      const id = call.request[key] ?? '';
      asked.push(id);
      if (held(id)) return;
      if (known[id]) done(null, { status: known[id] });
      else done({ code: status.NOT_FOUND, details: `no ${id}` });
    };
  const server = new Server();
  server.addService(serviceOf(loadProto(PROTO), 'runtime.v1.RuntimeService'), {
    ContainerStatus: answer(containers, 'containerId'),
    PodSandboxStatus: answer(sandboxes, 'podSandboxId'),
  });
  const endpoint = `unix://${join(temporary(context), 'cri.sock')}`;
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(endpoint, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  });
  const said: string[] = [];
  const directory = new ContainerDirectory(
    (line) => said.push(line),
    () => [endpoint],
  );
  context.after(() => {
    directory[Symbol.dispose]();
    server.forceShutdown();
  });
  return { asked, said, directory };
}

test('a container is asked for once, however often it is needed', async (context) => {
  const labels = { 'io.kubernetes.pod.name': 'p', 'io.kubernetes.pod.namespace': 'n' };
  const known = { metadata: { name: 'c' }, image: { image: 'sha256:1', userSpecifiedImage: 'nginx' }, labels };
  const { directory, asked } = await serve(context, { a: known });
  assert.deepEqual(directory.get('a'), { id: 'a' });
  for (let time = 0; time < 3; time++) {
    directory.get('a');
    await directory.complete();
  }
  assert.deepEqual(directory.get('a'), { id: 'a', name: 'c', pod: 'p', namespace: 'n', image: 'nginx' });
  assert.deepEqual(asked, ['a']);
});

test('what no runtime knows keeps its id alone, and is not asked for again at once', async (context) => {
  const { directory, asked, said } = await serve(context, {});
  for (let time = 0; time < 3; time++) {
    assert.deepEqual(directory.get('x'), { id: 'x' });
    await directory.complete();
  }
  assert.deepEqual(asked, ['x', 'x']);
  assert.deepEqual(said, []);
});

test('a sandbox has a pod and no name', async (context) => {
  const { directory } = await serve(context, {}, { s: { metadata: { name: 'p', namespace: 'n' } } });
  const sandbox = directory.get('s');
  await directory.complete();
  assert.deepEqual(sandbox, { id: 's', pod: 'p', namespace: 'n' });
});

test('thousands at once are all told', async (context) => {
  const ids = Array.from({ length: 3000 }, (_, index) => `c${index}`);
  const { directory } = await serve(context, Object.fromEntries(ids.map((id) => [id, { metadata: { name: id } }])));
  // A round takes two seconds at most; a busy machine needs more than one.
  let unknown = ids;
  while (unknown.length > 0) {
    for (const id of unknown) directory.get(id);
    await directory.complete();
    const after = unknown.filter((id) => directory.get(id).name !== id);
    assert.ok(after.length < unknown.length, `${after.length} stay unknown`);
    unknown = after;
  }
});

test('a runtime that does not answer all in time is not taken for one that is away', async (context) => {
  let slow = true;
  const known = { quick: { metadata: { name: 'q' } }, late: { metadata: { name: 'l' } } };
  const { directory, said } = await serve(context, known, {}, (id) => slow && id === 'late');
  for (const id of ['quick', 'late']) directory.get(id);
  await directory.complete();
  assert.deepEqual(directory.get('quick'), { id: 'quick', name: 'q' });
  slow = false;
  assert.deepEqual(directory.get('late'), { id: 'late' });
  await directory.complete();
  assert.deepEqual(directory.get('late'), { id: 'late', name: 'l' });
  assert.deepEqual(said, []);
});
