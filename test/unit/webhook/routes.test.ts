import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProfileRecording } from '../../../src/api/types.ts';
import type { BindingCollaborators } from '../../../src/webhook/binding/handler.ts';
import { webhookRoutes } from '../../../src/webhook/routes.ts';
import type { Route } from '../../../src/webhook/server.ts';
import { pod, recording } from './pod/samples.ts';
import { answerOf } from './serving.ts';

interface Answer {
  readonly apiVersion: string;
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    readonly patch?: string;
    readonly patchType?: string;
    readonly status?: object;
    readonly warnings?: readonly string[];
  };
}

function routesFor(list: readonly ProfileRecording[], told: string[] = []): Readonly<Record<string, Route>> {
  return webhookRoutes({
    recording: {
      recordings: { list: (namespace) => (namespace === 'default' ? list : []) },
      namespaces: { labels: async () => ({}) },
      events: { event: (_, type, reason) => told.push(`${type} ${reason}`) },
    },
    binding: NO_BINDINGS,
  });
}

const NO_BINDINGS: BindingCollaborators = {
  bindings: { list: () => [] },
  profiles: { get: async () => undefined },
  namespaces: { labels: async () => ({}) },
  events: { event: () => {} },
};

function review(request: object, apiVersion = 'admission.k8s.io/v1'): string {
  const whole = { uid: 'u', operation: 'CREATE', namespace: 'default', object: pod(), ...request };
  return JSON.stringify({ apiVersion, kind: 'AdmissionReview', request: whole });
}

async function ask(routes: Readonly<Record<string, Route>>, body: string | Buffer): Promise<Answer> {
  return JSON.parse(await answerOf(routes['/mutate-v1-pod-recording'], body));
}

for (const version of ['admission.k8s.io/v1', 'admission.k8s.io/v1beta1'])
  test(`a pod is patched in ${version}`, async () => {
    const { apiVersion, response } = await ask(routesFor([recording('rec')]), review({}, version));
    assert.equal(apiVersion, version);
    assert.deepEqual([response.uid, response.allowed, response.patchType], ['u', true, 'JSONPatch']);
    const [operation] = JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString());
    assert.equal(operation.path, '/metadata/annotations');
    assert.match(operation.value['io.containers.trace-bpf/web'], /^rec_web_[a-z0-9]{5}_\d+$/);
  });

for (const [what, request] of [
  ['an update', { operation: 'UPDATE' }],
  ['a deletion', { operation: 'DELETE', object: null }],
  ['another namespace', { namespace: 'other' }],
  ['a subresource', { subResource: 'ephemeralcontainers' }],
  ['another resource', { resource: { resource: 'deployments' } }],
] as const)
  test(`${what} is let through unchanged`, async () => {
    const { response } = await ask(routesFor([recording('rec', { recorder: 'Logs' })]), review(request));
    assert.deepEqual(response, { uid: 'u', allowed: true, status: { code: 200, message: 'pod unchanged' } });
  });

test('events are told, but not of a dry run; warnings are', async () => {
  const told: string[] = [];
  const object = pod([{ name: 'web', securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }]);
  const routes = routesFor([recording('rec', { recorder: 'Logs' })], told);
  const { response } = await ask(routes, review({ object, dryRun: true }));
  assert.match(response.warnings?.join() ?? '', /^recording rec: container web of pod web: its seccomp profile/);
  assert.deepEqual(told, []);
  await ask(routes, review({ object }));
  assert.deepEqual(told, ['Warning StricterProfileKept']);
});

test('warnings are as long and as many as clients are shown', async () => {
  const containers = Array.from({ length: 50 }, (_, index) => ({
    name: `c${index}`,
    securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'x'.repeat(300) } },
  }));
  const routes = routesFor([recording('rec', { recorder: 'Logs' })]);
  const { response } = await ask(routes, review({ object: pod(containers) }));
  assert.equal(response.warnings?.length, 8);
  assert.ok(response.warnings?.every((text) => text.length <= 256));
});

for (const [what, body] of [
  ['no JSON', '{'],
  ['nothing', 'null'],
  ['a version nobody knows', review({}, 'admission.k8s.io/v2')],
  ['no uid', review({ uid: 5 })],
  ['no pod', review({ object: { spec: {} } })],
  ['a pod without containers', review({ object: { spec: { containers: 'web' } } })],
  ['a pod with a container that is none', review({ object: { spec: { containers: [null] } } })],
  ['a pod with a variable that is none', review({ object: { spec: { containers: [{ name: 'a', env: [null] }] } } })],
  ['what is nested too deep', review({ object: { spec: JSON.parse('['.repeat(501) + ']'.repeat(501)) } })],
  ['no UTF-8', Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')])],
] as const)
  test(`${what} is a bad request`, async () => {
    await assert.rejects(ask(routesFor([]), body), { name: 'RequestError', status: 400 });
  });

test('where recordings cannot be listed there is no answer', async () => {
  const failing = webhookRoutes({
    recording: {
      recordings: { list: () => Promise.reject(new Error('away')) },
      namespaces: { labels: async () => ({}) },
      events: { event: () => {} },
    },
    binding: NO_BINDINGS,
  });
  await assert.rejects(ask(failing, review({})), /away/);
});

test('what is no ConversionReview is a bad request', async () => {
  for (const body of ['{', '{}', review({})])
    await assert.rejects(answerOf(routesFor([])['/convert'], body), { status: 400 });
});

test('a review of too many values is too large, whatever its size', async () => {
  const object = { spec: { containers: [], x: Array(100_001).fill(0) } };
  await assert.rejects(ask(routesFor([]), review({ object })), { name: 'RequestError', status: 413 });
});

test('a command that is none is a bad request', async () => {
  const body = review({ operation: 'CONNECT', kind: { kind: 'PodExecOptions' }, object: { command: [null] } });
  await assert.rejects(answerOf(routesFor([])['/mutate-v1-exec-metadata'], body), { status: 400 });
});
