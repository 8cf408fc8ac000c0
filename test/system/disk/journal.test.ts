import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withRun } from '../../../src/agent/recording/container-record.ts';
import { Journal } from '../../../src/agent/recording/journal.ts';
import { Records } from '../../../src/agent/recording/record-store.ts';
import { record, run } from '../../unit/agent/samples.ts';
import { smallDisk } from './small-disk.ts';

test('a disk that is full is told, and a record is written as soon as there is room', (context) => {
  const path = smallDisk(context, 64);
  const told: string[] = [];
  const journal = new Journal(path, (line) => told.push(line));
  const records = new Records(journal, () => {});
  const before = record();
  assert.ok(records.put(before));
  writeFileSync(join(path, 'filling'), Buffer.alloc(56 << 10));
  const large = withRun(before, 'x'.repeat(20_000), run(['read']), false, 1);
  assert.equal(records.put(large), false);
  assert.equal(records.put(large), false);
  assert.match(told.join('\n'), /^records are kept in memory.*: cannot write .*ENOSPC.*$/, 'once');
  assert.match(journal.failures.join(), /cannot write .*: ENOSPC/);
  assert.equal(journal.failing, 1);
  assert.deepEqual(
    new Journal(path).load(() => {}),
    [before],
    'what was there before is whole',
  );
  assert.deepEqual(
    readdirSync(path).filter((name) => name.startsWith('.')),
    [],
  );
  rmSync(join(path, 'filling'));
  assert.ok(records.put(large), 'the same record is tried again');
  assert.deepEqual([journal.failures, journal.failing], [[], 0]);
  assert.deepEqual(told.slice(1), ['all records are on disk again']);
  assert.deepEqual(
    new Journal(path).load(() => {}),
    [large],
  );
});
