import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { withRun } from '../../../../src/agent/recording/container-record.ts';
import { Journal } from '../../../../src/agent/recording/journal.ts';
import { record, run } from '../samples.ts';

function directory(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'syscribe-journal-'));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function load(path: string) {
  const complaints: string[] = [];
  return { records: new Journal(path).load((line) => complaints.push(line)), complaints };
}

const ID = 'f'.repeat(32);

test('records come back as they were put, and those that were removed do not', (context) => {
  const path = join(directory(context), 'state', 'records');
  const journal = new Journal(path);
  const one = withRun(record(), 'a', run(['read'], ['busy']), false, 1);
  const other = record({}, { uid: 'other' });
  assert.ok(journal.put(one) && journal.put(other));
  journal.remove(other.id);
  journal.remove(other.id);
  assert.deepEqual(load(path), { records: [one], complaints: [] });
});

const FOREIGN: readonly [what: string, text: string, complaint: RegExp][] = [
  ['torn', '{"version":1,"record":{"id', /JSON/],
  ['empty', '', /JSON/],
  ['of another version', JSON.stringify({ version: 2, record: {} }), /of version 2, this is 1/],
  ['null', 'null', /cannot be read/],
  ['of another id', JSON.stringify({ version: 1, record: record() }), /not a record/],
  ['no record', JSON.stringify({ version: 1, record: { id: ID, past: { calls: [] } } }), /not a record/],
  [
    'without a recording',
    JSON.stringify({ version: 1, record: { ...record(), id: ID, recording: null } }),
    /not a rec/,
  ],
  ['too large', ' '.repeat((4 << 20) + 1), /too large/],
];

for (const [what, text, complaint] of FOREIGN)
  test(`a file that is ${what} is told, left where it is, and keeps nothing else from being read`, (context) => {
    const path = directory(context);
    const good = record();
    new Journal(path).put(good);
    writeFileSync(join(path, `${ID}.json`), text);
    const { records, complaints } = load(path);
    assert.deepEqual(records, [good]);
    assert.match(complaints.join('\n'), complaint);
    assert.equal(complaints.length, 1);
    assert.ok(existsSync(join(path, `${ID}.json`)));
  });

test('what an interrupted write left is removed; what is not ours stays', (context) => {
  const path = directory(context);
  writeFileSync(join(path, `.${ID}.json.aB-_09xyzABC`), '{"version"');
  writeFileSync(join(path, '.keep'), '');
  mkdirSync(join(path, '.snapshot'));
  mkdirSync(join(path, 'lost+found'));
  assert.deepEqual(load(path), { records: [], complaints: [] });
  assert.deepEqual(readdirSync(path).sort(), ['.keep', '.snapshot', 'lost+found']);
});
