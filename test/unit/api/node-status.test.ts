import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { nodeLabel } from '../../../src/api/names.ts';
import { nodeStatusLabels, nodeStatusName } from '../../../src/api/node-status.ts';

const owner = (name: string, kind = 'SeccompProfile') => ({ kind, name, uid: 'u' });
const LABEL = /^[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/;

test('names and labels are SPO’s', () => {
  assert.equal(nodeStatusName(owner('web'), 'n1', false), 'web-n1');
  assert.deepEqual(nodeStatusLabels(owner('web'), 'n1', 'Installed'), {
    'spo.x-k8s.io/profile-id': 'SeccompProfile-web',
    'spo.x-k8s.io/node-name': 'n1',
    'spo.x-k8s.io/profile-state': 'Installed',
    'spo.x-k8s.io/profile-kind': 'SeccompProfile',
  });
});

test('a long name’s id is its hash, 63 characters with the kind', () => {
  const name = 'x'.repeat(60);
  const hash = createHash('sha256').update(`SeccompProfile-${name}`).digest('hex').slice(0, 48);
  assert.equal(nodeStatusLabels(owner(name), 'n', 'Pending')['spo.x-k8s.io/profile-id'], `SeccompProfile-${hash}`);
  assert.match(`SeccompProfile-${hash}`, LABEL);
});

test('where the name is taken, kinds and nodes are told apart, and no name is too long', () => {
  const names = [
    nodeStatusName(owner('a'), 'b-c', true),
    nodeStatusName(owner('a-b'), 'c', true),
    nodeStatusName(owner('a', 'AppArmorProfile'), 'b-c', true),
  ];
  assert.equal(new Set(names).size, 3);
  for (const name of names) assert.match(name, /^a-b-c-[0-9a-f]{8}$/);
  assert.equal(nodeStatusName(owner('y'.repeat(253)), 'node', false).length, 253);
});

test('a node’s name that no label may have is shortened, and stays different', () => {
  const long = (end: string) => nodeLabel(`${'node.'.repeat(13)}${end}`);
  assert.match(long('a'), LABEL);
  assert.notEqual(long('a'), long('b'));
});
