import assert from 'node:assert/strict';
import { test } from 'node:test';
import { convertReview } from '../../../../src/api/conversion/review.ts';
import { GROUP } from '../../../../src/api/crd.ts';

const V1 = `${GROUP}/v1`;

function review(desiredAPIVersion: unknown, objects: unknown): unknown {
  return { kind: 'ConversionReview', request: { uid: 'u', desiredAPIVersion, objects } };
}

function answerToText(text: string): string {
  return [...(convertReview(Buffer.from(text)) ?? [])].join('');
}

const answerTo = (value: unknown) => answerToText(JSON.stringify(value));

test('objects come back as many and in order, whatever one of them is', () => {
  const profile = (name: string, spec: object) => ({
    apiVersion: `${GROUP}/v1beta1`,
    kind: 'SeccompProfile',
    metadata: { name },
    spec,
  });
  const odd = { apiVersion: `${GROUP}/v1beta1`, kind: 'SeccompProfile', metadata: null, spec: 'nonsense' };
  const answer = JSON.parse(answerTo(review(V1, [profile('a', { disabled: true }), odd, 5, profile('b', {})]))) as {
    response: { uid: string; convertedObjects: { spec: unknown; apiVersion: string }[]; result: object };
  };
  const { uid, result, convertedObjects } = answer.response;
  assert.deepEqual([uid, result], ['u', { status: 'Success' }]);
  assert.deepEqual(
    convertedObjects.map((object) => object.spec),
    [{ state: 'Disabled' }, 'nonsense', undefined, {}],
  );
});

test('a review that says no version fails, something else is no review', () => {
  assert.match(answerTo(review(5, [])), /"Failed"/);
  for (const value of [null, 5, [], {}, review(V1, {}), { kind: 'ConversionReview' }])
    assert.equal(convertReview(Buffer.from(JSON.stringify(value))), undefined);
});

test('numbers that JavaScript cannot hold are given back as they came', () => {
  const object = `{"apiVersion":"${GROUP}/v1beta1","kind":"SeccompProfile","metadata":{"name":"x"},"spec":{"disabled":true,"syscalls":[{"args":[{"value":18446744073709551615,"valueTwo":9007199254740993}],"errnoRet":1.0,"x":1e400}]}}`;
  const text = `{"kind":"ConversionReview","request":{"uid":"u","desiredAPIVersion":"${V1}","objects":[${object}]}}`;
  const answer = answerToText(text);
  assert.match(answer, /"value":18446744073709551615,"valueTwo":9007199254740993}\],"errnoRet":1\.0,"x":1e400/);
  assert.match(answer, /"state":"Disabled"/);
});

test('a number in the place of an object is left alone', () => {
  const text = `{"kind":"ConversionReview","request":{"uid":"u","desiredAPIVersion":"${V1}","objects":[{"apiVersion":"${GROUP}/v1alpha1","kind":"SecurityProfilesOperatorDaemon","metadata":{},"spec":{"enableSelinux":true,"selinux":99999999999999999999}}]}}`;
  assert.match(answerToText(text), /"selinux":99999999999999999999/);
});

const nested = (depth: number, name = 'deep') =>
  `{"apiVersion":"${GROUP}/v1beta1","kind":"SeccompProfile","metadata":{"name":"${name}"},"spec":${'{"a":'.repeat(depth)}0${'}'.repeat(depth)}}`;

function listed(...objects: string[]): string {
  const text = `{"kind":"ConversionReview","request":{"uid":"u","desiredAPIVersion":"${V1}","objects":[${objects}]}}`;
  return JSON.stringify(JSON.parse(answerToText(text)).response.result);
}

test('what cannot be converted fails with its name, and nothing throws', () => {
  const good = nested(1, 'good');
  const deep = '{"status":"Failed","message":"object 2 of the list: SeccompProfile deep is nested more than 500 deep"}';
  assert.equal(listed(good, nested(20_000), good), deep);
  assert.match(listed(`{"kind":"X","spec":[${Array(200_000).fill(0)}]}`), /list: X has more than 100000 values"/);
  assert.match(
    listed(`{"spec":"${'x'.repeat(3 * 2 ** 20)}"}`),
    /object 1 of the list: an object has more than 3145728 bytes"/,
  );
  assert.match(listed(good, '{"a":nonsense}'), /"object 2 of the list: it is not JSON"/);
  assert.match(listed(`${good} ${good}`), /"Failed","message":"object 2 of the list: it is not JSON"/);
});

test('what is nested as deep as it may be is converted', () => {
  assert.equal(listed(nested(498)), '{"status":"Success"}');
});

test('a list is taken one object at a time', () => {
  const text = JSON.stringify(
    review(V1, [
      { kind: 'X', n: 1 },
      { kind: 'X', n: 2 },
    ]),
  );
  const pieces = [...(convertReview(Buffer.from(text)) ?? [])];
  assert.deepEqual(pieces.slice(1, 3), [
    `{"kind":"X","n":1,"apiVersion":"${V1}"}`,
    `,{"kind":"X","n":2,"apiVersion":"${V1}"}`,
  ]);
});
