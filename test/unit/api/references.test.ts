import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localhostProfile, referenceOf, referencesOf } from '../../../src/api/references.ts';

const at = (localhostProfile: string, type = 'Localhost') => ({ seccompProfile: { type, localhostProfile } });
const inContainer = (file: string) => ({ spec: { containers: [{ securityContext: at(file) }] } });

test('a pod uses what it, its containers and old annotations name, each once', () => {
  const pod = {
    metadata: {
      annotations: {
        'seccomp.security.alpha.kubernetes.io/pod': 'localhost/operator/old.json',
        'container.seccomp.security.alpha.kubernetes.io/c': 'localhost/operator/older.json',
        other: 'localhost/operator/none.json',
      },
    },
    spec: {
      securityContext: at('operator/pod.json'),
      initContainers: [{ securityContext: at('operator/init.json') }],
      containers: [{ securityContext: at('operator/c.json') }, { securityContext: at('operator/pod.json') }, {}],
      ephemeralContainers: [{ securityContext: at('operator/e.json') }],
    },
  };
  const names = ['pod', 'init', 'c', 'e', 'old', 'older'];
  assert.deepEqual(
    referencesOf(pod),
    names.map((name) => referenceOf('SeccompProfile', name)),
  );
});

test('the same file by another path counts, other directories and types do not', () => {
  for (const file of [
    'operator/x.json',
    './operator/x.json',
    'operator//x.json',
    'operator/./x.json',
    'a/../operator/x.json',
  ])
    assert.deepEqual(referencesOf(inContainer(file)), ['SeccompProfile:operator/x.json'], file);
  for (const file of ['x.json', 'operator/a/x.json', 'operators/x.json', '../operator/x.json', 'operator'])
    assert.deepEqual(referencesOf(inContainer(file)), [], file);
  assert.deepEqual(referencesOf({ spec: { securityContext: at('operator/x.json', 'RuntimeDefault') } }), []);
});

test('a pod that has ended needs nothing', () => {
  for (const phase of ['Succeeded', 'Failed'])
    assert.deepEqual(referencesOf({ ...inContainer('operator/x.json'), status: { phase } }), []);
  assert.equal(referencesOf({ ...inContainer('operator/x.json'), status: { phase: 'Running' } }).length, 1);
});

test('a name that ends in .json gets no second ending', () => {
  assert.equal(localhostProfile('a'), 'operator/a.json');
  assert.equal(localhostProfile('a.json'), 'operator/a.json');
});
