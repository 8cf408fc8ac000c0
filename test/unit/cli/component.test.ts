import assert from 'node:assert/strict';
import { test } from 'node:test';
import { restrictedTo } from '../../../src/cli/component.ts';

test('RESTRICT_TO_NAMESPACE lists what may be seen, our own namespace always; nothing of it is all', () => {
  assert.equal(restrictedTo({}, 'own'), undefined);
  assert.equal(restrictedTo({ RESTRICT_TO_NAMESPACE: '' }, 'own'), undefined);
  assert.deepEqual(restrictedTo({ RESTRICT_TO_NAMESPACE: 'a, b,own' }, 'own'), ['a', 'b', 'own']);
  assert.deepEqual(restrictedTo({ WATCH_NAMESPACE: 'a' }, 'own'), ['a', 'own']);
  assert.deepEqual(restrictedTo({ RESTRICT_TO_NAMESPACE: 'a', WATCH_NAMESPACE: 'b' }, 'own'), ['a', 'own']);
  for (const text of ['A', 'a/b', '../x', 'a.b'])
    assert.throws(() => restrictedTo({ RESTRICT_TO_NAMESPACE: text }, 'own'), { code: 'ERR_USAGE' }, text);
});
