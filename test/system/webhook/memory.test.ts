import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { parseAllDocuments } from 'yaml';
import { FLAGS } from '../../../scripts/image.ts';
import { makeCgroup } from '../support/kernel.ts';
import { Running } from '../support/syscribe.ts';
import { blanks, connection, post, SlowClients } from './clients.ts';

const MIB = 2 ** 20;
const GROUP = 'security-profiles-operator.x-k8s.io';
const [BIND, CONVERT] = ['/mutate-v1-pod-binding', '/convert'];
const root = process.getuid?.() === 0;

interface Deployment {
  readonly kind: string;
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly [
          { env: { name: string; value: string }[]; resources: { limits: { memory: string } } },
        ];
      };
    };
  };
}

/** What the server may use, and how Node is started. */
function deployed(): { limit: number; nodeOptions: string } {
  const text = readFileSync(new URL('../../../deploy/base/webhook.yaml', import.meta.url), 'utf8');
  const objects = parseAllDocuments(text).map((document) => document.toJS() as Deployment);
  const deployment = objects.find(({ kind }) => kind === 'Deployment');
  assert.ok(deployment);
  const [{ env, resources }] = deployment.spec.template.spec.containers;
  const nodeOptions = env.find(({ name }) => name === 'NODE_OPTIONS')?.value ?? '';
  return { limit: Number.parseInt(resources.limits.memory, 10) * MIB, nodeOptions };
}

/** A cgroup of so much memory, swap included, and how much was used of it at most. */
function limited(context: TestContext, limit: number): { procs: string; peak: () => number } {
  const first = existsSync('/sys/fs/cgroup/cgroup.controllers');
  if (first) writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+memory');
  const path = makeCgroup(context, first ? '' : 'memory');
  writeFileSync(join(path, first ? 'memory.max' : 'memory.limit_in_bytes'), String(limit));
  const peak = () => Number(readFileSync(join(path, first ? 'memory.peak' : 'memory.max_usage_in_bytes'), 'utf8'));
  return { procs: join(path, 'cgroup.procs'), peak };
}

const review = (object: unknown, namespace = 'shop') =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { uid: 'u', operation: 'CREATE', namespace, object },
  });
const POD = { metadata: { name: 'p' }, spec: { containers: [{ name: 'web', image: 'nginx:1' }] } };

function conversion(objects: readonly string[]): string {
  const request = `"request":{"uid":"u","desiredAPIVersion":"${GROUP}/v1","objects":[${objects}]}`;
  return `{"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1",${request}}`;
}

/** As recorded ones are, and as an object comes out of etcd. */
function profile(index: number): string {
  const names = Array.from({ length: 120 }, (_, call) => `system_call_${call}`);
  const name = `profile-${index}`;
  return JSON.stringify({
    apiVersion: `${GROUP}/v1beta1`,
    kind: 'SeccompProfile',
    metadata: {
      name,
      uid: '7f9a2a3c-1111-4222-8333-000000000000',
      creationTimestamp: '2026-01-01T00:00:00Z',
      managedFields: [
        { manager: 'syscribe', time: '2026-01-01T00:00:00Z', fieldsV1: { 'f:spec': { 'f:syscalls': {} } } },
      ],
    },
    spec: { disabled: true, defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ action: 'SCMP_ACT_ALLOW', names }] },
    status: { status: 'Installed', localhostProfile: `operator/${name}.json` },
  });
}

test('no request, and no number of them, ends a replica with the memory of the Deployment', {
  skip: !root && 'cgroups are made by root',
  timeout: 200_000,
}, async (context) => {
  const { limit, nodeOptions } = deployed();
  const { procs, peak } = limited(context, limit);
  const server = fileURLToPath(new URL('server.ts', import.meta.url));
  const script = 'echo $$ > "$0"; exec "$@"';
  const running = new Running('/bin/sh', ['-c', script, procs, process.execPath, ...FLAGS, server], {
    env: { ...process.env, NODE_OPTIONS: nodeOptions, MALLOC_ARENA_MAX: '1' },
  });
  await using _ended = {
    async [Symbol.asyncDispose]() {
      running.child.kill('SIGKILL');
      await running.finished; // Its cgroup is removed next.
    },
  };
  const port = Number((await running.until('stdout', /port (\d+)/))[1]);
  const status = async (path: string, ...args: [Parameters<typeof post>[2], Parameters<typeof post>[3]?]) =>
    (await post(port, path, ...args)).status;
  const stillAnswers = async () => {
    const { status, text } = await post(port, BIND, review(POD));
    assert.deepEqual([status, JSON.parse(text).response.patchType], [200, 'JSONPatch']);
  };

  await context.test('bodies that are too long, packed, or nested too deep', async () => {
    const length = (mebibytes: number) => ({ headers: { 'Content-Length': mebibytes * MIB } });
    for (const path of [CONVERT, BIND]) {
      assert.equal(await status(path, blanks(120), length(120)), 413);
      assert.equal(await status(path, blanks(120)), 413, 'sent without a length');
      const packed = gzipSync(Buffer.alloc(120 * MIB, ' '));
      assert.equal(await status(path, packed, { headers: { 'Content-Encoding': 'gzip' } }), 400);
      assert.equal(await status(path, [packed], { headers: { 'Content-Encoding': 'gzip' } }), 400);
    }
    const deep = `{"metadata":{"name":"deep"},"kind":"SeccompProfile","spec":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
    const { text } = await post(port, CONVERT, conversion([profile(1), deep]));
    assert.match(JSON.parse(text).response.result.message, /object 2 of the list: SeccompProfile deep is nested/);
    assert.equal(
      await status(BIND, review({ spec: { containers: [] }, x: JSON.parse('['.repeat(600) + ']'.repeat(600)) })),
      400,
    );
    assert.equal(await status(BIND, review({ spec: { containers: [null] } })), 400);
    await stillAnswers();
  });

  await context.test('six bodies of which most is sent', async () => {
    using slow = new SlowClients();
    await Promise.all(Array.from({ length: 6 }, () => slow.add(port, CONVERT, 32 * MIB, 31 * MIB)));
    await stillAnswers();
    assert.equal(await status(CONVERT, conversion([profile(1)])), 200);
  });

  await context.test('60 slow clients, a list of 5,000 profiles, and pods', async () => {
    using slow = new SlowClients();
    for (let count = 0; count < 30; count++) {
      await slow.add(port, CONVERT, 32 * MIB, 2 * MIB);
      await slow.add(port, BIND, 8 * MIB, 2 * MIB);
    }
    const list = conversion(Array.from({ length: 5000 }, (_, index) => profile(index)));
    let listed = false;
    const converted = post(port, CONVERT, list).finally(() => {
      listed = true;
    });
    const times: number[] = [];
    while (!listed) {
      const { status, milliseconds } = await post(port, BIND, review(POD));
      assert.equal(status, 200);
      times.push(milliseconds);
    }
    const { status, text, milliseconds } = await converted;
    const { convertedObjects: objects, result } = JSON.parse(text).response;
    assert.deepEqual([status, result, objects.length], [200, { status: 'Success' }, 5000]);
    assert.ok(objects.every(({ spec }: { spec: { state: string } }) => spec.state === 'Disabled'));
    times.sort((a, b) => a - b);
    // Of a loaded machine one may be late.
    assert.ok((times[Math.floor(times.length * 0.9)] ?? 0) < 3000, 'the API server waits three seconds for a pod');
    context.diagnostic(
      `${(list.length / MIB).toFixed(1)} MiB converted in ${Math.round(milliseconds)} ms; ${times.length} pods, ${Math.round(Math.max(...times))} ms at most`,
    );
  });

  await context.test('many reviews whose text is small and whose objects are many', async () => {
    const dense = (length: number) => review({ ...POD, x: Array(length).fill({}) }, 'slow');
    const replies = await Promise.all(Array.from({ length: 30 }, () => status(BIND, dense(49_000))));
    assert.ok(
      replies.every((one) => one === 200 || one === 503),
      String(replies),
    );
    assert.ok(replies.includes(200));
    assert.equal(await status(BIND, dense(1_000_000)), 413);
    const lists = Array.from({ length: 8 }, () => status(CONVERT, conversion([`[${Array(49_000).fill('[]')}]`])));
    assert.deepEqual(new Set(await Promise.all(lists)), new Set([200]));
    await stillAnswers();
  });

  await context.test('as many connections as there may be', async () => {
    const sockets = await Promise.all(Array.from({ length: 250 }, () => connection(port)));
    await stillAnswers();
    for (const socket of sockets) socket.destroy();
  });

  context.diagnostic(`at most ${Math.round(peak() / MIB)} of ${limit / MIB} MiB`);
  assert.equal(running.child.exitCode ?? running.child.signalCode, null, running.stderr);
});
