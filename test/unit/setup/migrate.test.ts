import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { readObjects } from '../../../src/setup/migrate/import.ts';
import { type Kept, moved } from '../../../src/setup/migrate/names.ts';

const V1 = 'security-profiles-operator.x-k8s.io/v1';

function object(kind: string, namespace: string, name: string, spec: Kept['spec'] = {}, metadata: object = {}): Kept {
  return { apiVersion: V1, kind, metadata: { namespace, name, ...metadata }, spec };
}

const profile = (namespace: string, name: string, spec: object = {}, metadata: object = {}) =>
  object('SeccompProfile', namespace, name, { defaultAction: 'SCMP_ACT_LOG', ...spec }, metadata);
const names = (found: Kept[]) => moved(found).objects.map(({ metadata: { namespace, name } }) => [namespace, name]);

test('profiles keep their names where nobody else has them, or all say the same', () => {
  assert.deepEqual(names([profile('a', 'web')]), [[undefined, 'web']]);
  assert.deepEqual(names([profile('a', 'web'), profile('b', 'web')]), [[undefined, 'web']]);
  const differ = [profile('a', 'web'), profile('b', 'web', { defaultAction: 'SCMP_ACT_ERRNO' })];
  assert.deepEqual(names(differ), [
    [undefined, 'a-web'],
    [undefined, 'b-web'],
  ]);
  assert.deepEqual(Object.fromEntries(moved(differ).files), {
    'operator/a/web.json': 'operator/a-web.json',
    'operator/b/web.json': 'operator/b-web.json',
  });
});

test('bindings and bases follow the profile of their own namespace', () => {
  const reference = { profileRef: { kind: 'SeccompProfile', name: 'web' }, image: 'nginx' };
  const { objects } = moved([
    profile('a', 'web'),
    profile('b', 'web', { defaultAction: 'SCMP_ACT_ERRNO' }),
    profile('b', 'top', { baseProfileName: 'web' }),
    profile('b', 'far', { baseProfileName: 'oci://web' }),
    object('ProfileBinding', 'b', 'bound', reference),
  ]);
  const specOf = (name: string) => objects.find(({ metadata }) => metadata.name === name)?.spec;
  assert.equal(specOf('top')?.baseProfileName, 'b-web');
  assert.equal(specOf('far')?.baseProfileName, 'oci://web');
  assert.deepEqual(specOf('bound'), { ...reference, profileRef: { kind: 'SeccompProfile', name: 'b-web' } });
});

test('what is still recorded is left out, what others wrote into metadata is not kept', () => {
  const { objects, partial } = moved([
    profile('a', 'growing', {}, { labels: { 'spo.x-k8s.io/partial': 'true' } }),
    profile(
      'a',
      'web',
      {},
      {
        ...{ uid: 'u', resourceVersion: '1', finalizers: ['node-1-deleted'], labels: { app: 'x' } },
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', kept: 'yes' },
      },
    ),
  ]);
  assert.deepEqual(partial, ['a/growing']);
  assert.deepEqual(
    objects.map(({ metadata }) => metadata),
    [{ name: 'web', labels: { app: 'x' }, annotations: { kept: 'yes' } }],
  );
});

test('what is written is read; what is something else is refused', () => {
  const { objects } = moved([profile('a', 'web'), object('ProfileBinding', 'b', 'bound')]);
  const text = objects.map((one) => stringify(one)).join('---\n');
  assert.deepEqual(readObjects(text), objects);
  const wrong = [
    'apiVersion: v1\nkind: Secret\nmetadata: {name: x}',
    text.replace('name: web', 'name: web\n  namespace: a'),
    text.replace(V1, 'security-profiles-operator.x-k8s.io/v1beta1'),
    '{',
    'null',
  ];
  for (const one of wrong) assert.throws(() => readObjects(one), { code: 'ERR_USAGE' }, one);
});
