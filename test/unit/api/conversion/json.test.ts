import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { apply, at, changes, type Fields, put, putDeep } from '../../../../src/api/conversion/json.ts';

test('inherited names are not there, and none changes what objects inherit', () => {
  for (const name of ['constructor', '__proto__', 'toString']) assert.equal(at({}, [name]), undefined);
  const changed = put({}, ['__proto__'], { polluted: true });
  assert.deepEqual(Object.keys(changed), ['__proto__']);
  assert.equal((changed as { polluted?: boolean }).polluted, undefined);
  putDeep({}, ['__proto__', 'polluted'], true);
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
});

test('a path through what is no object leads nowhere, and nothing is put there', () => {
  const value = { list: [1], text: 'x', nothing: null };
  for (const name of Object.keys(value)) {
    assert.equal(at(value, [name, '0']), undefined);
    assert.deepEqual(put(value, [name, '0'], 5), value);
    assert.deepEqual(putDeep(value, [name, '0', 'y'], 5), value);
  }
  assert.deepEqual(putDeep({}, ['a', 'b', 'c'], 1), { a: { b: { c: 1 } } });
});

test('the changes from one object to another make it the other', () => {
  const objects = fc.dictionary(fc.string(), fc.jsonValue()).map((value): Fields => JSON.parse(JSON.stringify(value)));
  fc.assert(
    fc.property(objects, objects, (from, to) => {
      assert.deepEqual(apply(from, JSON.parse(JSON.stringify(changes(from, to)))), to);
    }),
  );
});
