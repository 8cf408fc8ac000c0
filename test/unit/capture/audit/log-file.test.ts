import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LogFile, type LogPosition, type Start } from '../../../../src/capture/audit/log-file.ts';

function setUp(context: TestContext): {
  path: string;
  append: (...lines: string[]) => void;
  open: (start?: Start) => LogFile;
} {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-log-'));
  const path = join(directory, 'audit.log');
  const logs: LogFile[] = [];
  context.after(async () => {
    for (const log of logs) await log[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });
  return {
    path,
    append: (...lines) => appendFileSync(path, lines.map((line) => `${line}\n`).join('')),
    open: (start = 'beginning') => {
      const log = new LogFile(path, start);
      logs.push(log);
      return log;
    },
  };
}

/** All lines there are now. */
async function lines(log: LogFile): Promise<string[]> {
  let text = '';
  for (let block = await log.next(); block; block = await log.next()) text += block.toString();
  return text.split('\n').slice(0, -1);
}

/** A first line as unlike others' as a record's time and serial make it. */
const first = (name: string) => `${name} ${'x'.repeat(20)}`;

test('whole lines, what is not finished later; one that is made later is read from its beginning', async (context) => {
  const { path, append, open } = setUp(context);
  for (const start of ['beginning', 'end'] as const) {
    const log = open(start);
    assert.deepEqual(await lines(log), []);
    append('a', 'b');
    appendFileSync(path, 'unfini');
    assert.deepEqual(await lines(log), ['a', 'b']);
    appendFileSync(path, 'shed\n');
    assert.deepEqual(await lines(log), ['unfinished']);
    unlinkSync(path);
  }
});

test('from the end on: what is there is not read, nor what stands before an unfinished line', async (context) => {
  const { path, append, open } = setUp(context);
  append('old');
  appendFileSync(path, 'half');
  const log = open('end');
  append(' whole', 'new');
  assert.deepEqual(await lines(log), ['half whole', 'new']);
});

test('a rename loses nothing: neither what is written behind it, nor several of them between two looks', async (context) => {
  const { path, append, open } = setUp(context);
  append(first('1'), 'a');
  const log = open();
  assert.deepEqual(await lines(log), [first('1'), 'a']);
  append('b');
  renameSync(path, `${path}.1`);
  appendFileSync(`${path}.1`, 'late\n');
  append(first('2'));
  renameSync(`${path}.1`, `${path}.2`);
  renameSync(path, `${path}.1`);
  append(first('3'), 'c');
  assert.deepEqual(await lines(log), ['b', 'late', first('2'), first('3'), 'c']);
  assert.equal(log.counts.rotations, 2);
  assert.equal(log.counts.breaks, 0);
});

test('a renamed log is not left while its successor is empty', async (context) => {
  const { path, append, open } = setUp(context);
  append(first('1'));
  const log = open();
  await lines(log);
  renameSync(path, `${path}.1`);
  writeFileSync(path, '');
  assert.deepEqual(await lines(log), []);
  appendFileSync(`${path}.1`, 'by a writer that has not been told yet\n');
  assert.deepEqual(await lines(log), ['by a writer that has not been told yet']);
  append('new');
  assert.deepEqual(await lines(log), ['new']);
});

for (const regrown of [false, true])
  test(`copytruncate loses nothing that is in the copy, ${regrown ? 'though the log has grown past the place' : 'shorter than before'}`, async (context) => {
    const { path, append, open } = setUp(context);
    append(first('1'), 'a');
    const log = open();
    await lines(log);
    append('unread');
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
    append(first('2'), ...(regrown ? Array.from({ length: 50 }, (_, index) => `new ${index}`) : []));
    const got = await lines(log);
    assert.deepEqual(got.slice(0, 2), ['unread', first('2')]);
    assert.equal(got.length, regrown ? 52 : 2);
    assert.equal(log.counts.truncations, 1);
    assert.equal(log.counts.breaks, 0);
  });

test('a log that was emptied without a copy is read from its new beginning, and that is told', async (context) => {
  const { path, append, open } = setUp(context);
  append(first('1'), 'a');
  const log = open();
  await lines(log);
  truncateSync(path);
  append(first('2'));
  assert.deepEqual(await lines(log), [first('2')]);
  assert.equal(log.counts.breaks, 1);
});

/** A position as a restart finds it. */
async function positionAfter(log: LogFile, count: number): Promise<LogPosition> {
  assert.equal((await lines(log)).length, count);
  const position = log.position();
  assert.ok(position);
  return position;
}

test('a restart goes on where it was: in place, renamed once or twice, in the copy of copytruncate', async (context) => {
  const { path, append, open } = setUp(context);
  append(first('1'), 'a');
  const position = await positionAfter(open(), 2);
  append('b');
  assert.deepEqual(await lines(open(position)), ['b']);
  renameSync(path, `${path}.1`);
  append(first('2'));
  assert.deepEqual(await lines(open(position)), ['b', first('2')]);
  renameSync(`${path}.1`, `${path}.2`);
  renameSync(path, `${path}.1`);
  append(first('3'));
  assert.deepEqual(await lines(open(position)), ['b', first('2'), first('3')]);
  const second = await positionAfter(open({ since: 0 }), 5);
  append('c');
  copyFileSync(path, `${path}.0`);
  truncateSync(path);
  append(first('4'));
  assert.deepEqual(await lines(open(second)), ['c', first('4')]);
});

test('a restart whose place is in no file any more begins at the beginning, and that is told', async (context) => {
  const { path, append, open } = setUp(context);
  append(first('1'), 'a');
  const position = await positionAfter(open(), 2);
  unlinkSync(path);
  append(first('2'), 'b', 'c');
  const log = open(position);
  assert.deepEqual(await lines(log), [first('2'), 'b', 'c']);
  assert.equal(log.counts.breaks, 1);
});

test('since a time: rotated files that were written later too', async (context) => {
  const { path, append, open } = setUp(context);
  append('old');
  renameSync(path, `${path}.2`);
  append('older');
  renameSync(path, `${path}.1`);
  append('new');
  assert.deepEqual(await lines(open({ since: 0 })), ['old', 'older', 'new']);
  assert.deepEqual(await lines(open({ since: Date.now() + 10_000 })), ['new']);
});

test('a line longer than any record is passed over and told, what follows is read', async (context) => {
  const { append, open } = setUp(context);
  append('a', 'x'.repeat(600_000), 'b');
  const log = open();
  assert.deepEqual(await lines(log), ['a', 'b']);
  assert.equal(log.counts.tornLines, 1);
});

test('a position that is in no file any more: all is read that was written since, in rotated files too', async (context) => {
  const { path, append, open } = setUp(context);
  append(first('gone'));
  const before = open();
  await lines(before);
  const position = before.position() as LogPosition;
  const since = Date.now() - 1000;
  unlinkSync(path);
  for (const [name, modified] of [
    ['old', since - 10_000],
    ['1', since + 100],
    ['2', since + 200],
  ] as const) {
    append(first(name));
    renameSync(path, `${path}.${name}`);
    utimesSync(`${path}.${name}`, modified / 1000, modified / 1000);
  }
  append(first('now'));
  const log = open({ ...position, since });
  assert.deepEqual(await lines(log), [first('1'), first('2'), first('now')]);
  assert.equal(log.counts.breaks, 1);
});
