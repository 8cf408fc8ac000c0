import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { dropStartupPages } from '../../src/capture/resident.ts';

function mapped(): number {
  return Number(/^RssFile:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

test('what starting took is no longer mapped, and what is called comes back', () => {
  const before = mapped();
  dropStartupPages();
  const after = mapped();
  assert.ok(after < before, `${after} kB of ${before}`);
  // Code that was dropped: a regular expression's compiler, a parser, the decoder.
  assert.equal(JSON.parse('{"a":[1]}').a[0], 1);
  assert.match('drop', /^d.*p$/);
});
