import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byContainer, instancesOf, isFinished, recordingKeyOf } from '../../../../src/operator/recordings/instances.ts';
import { instances, partial, recording } from '../samples.ts';

test('a profile belongs to the recording of its labels', () => {
  assert.equal(recordingKeyOf(partial('a', [])), 'shop/rec');
  assert.equal(recordingKeyOf({ metadata: { name: 'a', labels: { 'spo.x-k8s.io/recording-id': 'rec' } } }), undefined);
  assert.equal(recordingKeyOf({ metadata: { name: 'a' } }), undefined);
});

test('instances are what containers of this recording gave, SPO’s too; not of an earlier one, nor what is merged', () => {
  const plain = partial('spo', ['read']);
  const spo = { ...plain, metadata: { ...plain.metadata, annotations: {} } };
  const merged = {
    ...plain,
    metadata: { ...plain.metadata, labels: { ...plain.metadata.labels, 'spo.x-k8s.io/role': 'merged' } },
  };
  const nameless = { ...plain, metadata: { ...plain.metadata, labels: {} } };
  const found = instancesOf(recording(), [
    partial('a', ['read']),
    partial('b', ['read'], {}, { owner: 'an-earlier-one' }),
    spo,
    merged,
    nameless,
  ]);
  assert.deepEqual(
    found.map(({ profile, state, partial: is }) => [profile.metadata.name, state?.node, is]),
    [
      ['a', 'node-1', true],
      ['spo', undefined, true],
    ],
  );
  assert.deepEqual(found.map(isFinished), [true, true]);
});

test('one that runs is not finished; each is with its container', () => {
  const found = instances([
    partial('a', ['read'], { finished: false, running: 1 }),
    partial('b', ['read'], {}, { container: 'back' }),
  ]);
  assert.deepEqual(found.map(isFinished), [false, true]);
  assert.deepEqual(
    [...byContainer(found)].map(([name, group]) => [name, group.length]),
    [
      ['front', 1],
      ['back', 1],
    ],
  );
});
