import assert from 'node:assert/strict';
import { test } from 'node:test';
import { convertReview } from '../../../../src/api/conversion/review.ts';
import { parseExactly } from '../../../../src/api/conversion/wire.ts';
import { GROUP } from '../../../../src/api/crd.ts';

const V1 = `${GROUP}/v1`;

function review(desiredAPIVersion: unknown, objects: unknown): unknown {
  return { kind: 'ConversionReview', request: { uid: 'u', desiredAPIVersion, objects } };
}

test('objects come back as many and in order, whatever one of them is', () => {
  const profile = (name: string, spec: object) => ({
    apiVersion: `${GROUP}/v1beta1`,
    kind: 'SeccompProfile',
    metadata: { name },
    spec,
  });
  const odd = { apiVersion: `${GROUP}/v1beta1`, kind: 'SeccompProfile', metadata: null, spec: 'nonsense' };
  const answer = convertReview(review(V1, [profile('a', { disabled: true }), odd, 5, profile('b', {})])) as {
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
  assert.match(JSON.stringify(convertReview(review(5, []))), /"Failed"/);
  for (const value of [undefined, null, 5, [], {}, review(V1, {}), { kind: 'ConversionReview' }])
    assert.equal(convertReview(value), undefined);
});

test('numbers that JavaScript cannot hold are given back as they came', () => {
  const object = `{"apiVersion":"${GROUP}/v1beta1","kind":"SeccompProfile","metadata":{"name":"x"},"spec":{"disabled":true,"syscalls":[{"args":[{"value":18446744073709551615,"valueTwo":9007199254740993}],"errnoRet":1.0,"x":1e400}]}}`;
  const text = `{"kind":"ConversionReview","request":{"uid":"u","desiredAPIVersion":"${V1}","objects":[${object}]}}`;
  const answer = JSON.stringify(convertReview(parseExactly(text)));
  assert.match(answer, /"value":18446744073709551615,"valueTwo":9007199254740993}\],"errnoRet":1\.0,"x":1e400/);
  assert.match(answer, /"state":"Disabled"/);
});

test('a number in the place of an object is left alone', () => {
  const text = `{"kind":"ConversionReview","request":{"uid":"u","desiredAPIVersion":"${V1}","objects":[{"apiVersion":"${GROUP}/v1alpha1","kind":"SecurityProfilesOperatorDaemon","metadata":{},"spec":{"enableSelinux":true,"selinux":99999999999999999999}}]}}`;
  assert.match(JSON.stringify(convertReview(parseExactly(text))), /"selinux":99999999999999999999/);
});
