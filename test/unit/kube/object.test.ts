import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  customResource,
  keyOf,
  LEASES,
  NAMESPACES,
  NODES,
  type Place,
  PODS,
  pathOf,
  type Resource,
  SECRETS,
} from '../../../src/kube/object.ts';

const PROFILES = customResource('seccompprofiles', 'SeccompProfile', false);
const PATHS: readonly (readonly [Resource, Place, string])[] = [
  [PODS, {}, '/api/v1/pods'],
  [PODS, { namespace: 'n' }, '/api/v1/namespaces/n/pods'],
  [PODS, { namespace: 'n', name: 'p', subresource: 'status' }, '/api/v1/namespaces/n/pods/p/status'],
  [SECRETS, { namespace: 'a/b', name: 's' }, '/api/v1/namespaces/a%2Fb/secrets/s'],
  [NODES, { name: 'x' }, '/api/v1/nodes/x'],
  [NAMESPACES, { name: 'n' }, '/api/v1/namespaces/n'],
  [LEASES, { namespace: 'n', name: 'l' }, '/apis/coordination.k8s.io/v1/namespaces/n/leases/l'],
  // From before profiles belonged to the cluster.
  [PROFILES, { namespace: 'n', name: 'p' }, '/apis/security-profiles-operator.x-k8s.io/v1/seccompprofiles/p'],
];

for (const [resource, place, path] of PATHS)
  test(`${resource.kind} ${JSON.stringify(place)} is at ${path}`, () => assert.equal(pathOf(resource, place), path));

test('names that lead elsewhere are no addresses', () => {
  for (const name of ['', '.', '..']) assert.throws(() => pathOf(NODES, { name }), TypeError);
  assert.throws(() => pathOf(PODS, { name: 'p' }), /without a namespace/);
  assert.throws(() => pathOf(PODS, { namespace: '..', name: 'p' }), TypeError);
});

test('a key is namespace and name', () => {
  assert.equal(keyOf({ metadata: { namespace: 'n', name: 'p' } }), 'n/p');
  assert.equal(keyOf({ metadata: { name: 'p' } }), 'p');
});
