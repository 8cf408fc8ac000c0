import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import rfc6902 from 'rfc6902';
import { patchOf } from '../../../src/webhook/patch.ts';

const root = fc.dictionary(fc.string(), fc.jsonValue());

test('what a patch is applied to becomes what it was made of', () => {
  fc.assert(
    fc.property(root, root, (before, after) => {
      const [from, to] = JSON.parse(JSON.stringify([before, after]));
      if (JSON.stringify([from, to]).includes('"__proto__"')) return; // the other library's limit, at any depth
      const holder = { value: from };
      const operations = patchOf({ value: from }, { value: to });
      const errors = rfc6902.applyPatch(holder, JSON.parse(JSON.stringify(operations)));
      assert.deepEqual(
        errors.filter((error) => error !== null),
        [],
      );
      assert.deepEqual(holder.value, to);
    }),
  );
});

test('what is the same is not looked into', () => {
  const shared = new Proxy({}, { ownKeys: () => assert.fail('looked into') });
  assert.deepEqual(patchOf({ shared, a: 1 }, { shared, a: 2 }), [{ op: 'replace', path: '/a', value: 2 }]);
});

test('names are escaped as RFC 6901 says', () => {
  assert.deepEqual(patchOf({}, { 'a/b~c': 1 }), [{ op: 'add', path: '/a~1b~0c', value: 1 }]);
});
