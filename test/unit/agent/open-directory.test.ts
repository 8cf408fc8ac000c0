import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openToGroup } from '../../../src/agent/open-directory.ts';

test('a directory of one’s own is opened to its group, once; what is none is left alone', (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-open-'));
  context.after(() => rmSync(directory, { recursive: true }));
  chmodSync(directory, 0o744);
  assert.equal(openToGroup(directory), true);
  assert.equal(statSync(directory).mode & 0o7777, 0o774);
  assert.equal(openToGroup(directory), false);
  const file = join(directory, 'file');
  writeFileSync(file, '', { mode: 0o600 });
  assert.equal(openToGroup(file), false);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(openToGroup(join(directory, 'none')), false);
});
