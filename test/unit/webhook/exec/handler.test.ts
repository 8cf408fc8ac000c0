import assert from 'node:assert/strict';
import { test } from 'node:test';
import rfc6902 from 'rfc6902';
import { reviewExec } from '../../../../src/webhook/exec/handler.ts';
import { pod } from '../pod/samples.ts';

interface Answer {
  readonly response: {
    readonly allowed: boolean;
    readonly patch?: string;
    readonly auditAnnotations?: object;
    readonly status: { readonly message: string };
  };
}

/** What the API server makes of a request's object. */
function after(request: { readonly object: unknown } & Record<string, unknown>): {
  value: unknown;
  answer: Answer['response'];
} {
  const whole = { uid: 'uid-1', operation: 'CONNECT', namespace: 'default', ...request };
  const { response } = reviewExec({ apiVersion: 'admission.k8s.io/v1', request: whole }) as Answer;
  const value = structuredClone(request.object);
  const operations = response.patch === undefined ? [] : JSON.parse(Buffer.from(response.patch, 'base64').toString());
  assert.deepEqual(rfc6902.applyPatch(value, operations).filter(Boolean), []);
  return { value, answer: response };
}

const exec = (...command: string[]) => ({ kind: { kind: 'PodExecOptions' }, subResource: 'exec', object: { command } });
const UID = 'SPO_EXEC_REQUEST_UID=uid-1';
const VARIABLE = { name: 'SPO_EXEC_REQUEST_UID', value: 'uid-1' };

test('a command is given the request’s UID, which the audit log is told too', () => {
  const { value, answer } = after(exec('sh', '-c', 'ls'));
  assert.deepEqual(value, { command: ['env', UID, 'sh', '-c', 'ls'] });
  assert.deepEqual(answer.auditAnnotations, { SPO_EXEC_REQUEST_UID: 'uid-1' });
  assert.equal(answer.status.message, 'UID added to execmetadata');
});

test('who brings a UID along does not get away with it', () => {
  const { value } = after(exec('env', 'SPO_EXEC_REQUEST_UID=fake', 'sh', 'SPO_EXEC_REQUEST_UID=fake'));
  assert.deepEqual(value, { command: ['env', UID, 'sh', UID] });
});

test('asked again, nothing changes', () => {
  const { value } = after(exec('ls'));
  const { answer } = after({ ...exec(), object: value });
  assert.deepEqual([answer.patch, answer.allowed], [undefined, true]);
});

test('ephemeral containers that are added get it, and those that run are left alone', () => {
  const before = pod([{ name: 'web' }], { ephemeralContainers: [{ name: 'old' }] });
  const env = [
    { name: 'A', value: '1' },
    { name: 'SPO_EXEC_REQUEST_UID', value: 'fake' },
  ];
  const object = pod([{ name: 'web' }], { ephemeralContainers: [{ name: 'old' }, { name: 'new', env }] });
  const { value } = after({ operation: 'UPDATE', subResource: 'ephemeralcontainers', object, oldObject: before });
  assert.deepEqual((value as typeof object).spec.ephemeralContainers, [
    { name: 'old' },
    { name: 'new', env: [{ name: 'A', value: '1' }, VARIABLE] },
  ]);
  assert.deepEqual((value as typeof object).spec.containers, [{ name: 'web' }]);
});

test('a pod that debugs a node gets it', () => {
  const { value } = after({ operation: 'CREATE', object: pod([{ name: 'debugger' }]) });
  assert.deepEqual((value as { spec: { containers: object[] } }).spec.containers, [
    { name: 'debugger', env: [VARIABLE] },
  ]);
});

for (const [what, request] of [
  ['something else', { object: { spec: {} } }],
  ['nothing', { object: null }],
  ['a pod that is deleted', { operation: 'DELETE', object: pod() }],
] as const)
  test(`${what} is let through as it is`, () => {
    assert.deepEqual(after(request).value, request.object);
  });
