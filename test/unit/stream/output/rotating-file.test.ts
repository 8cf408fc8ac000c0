import assert from 'node:assert/strict';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SyscribeError } from '../../../../src/platform/errors.ts';
import { RotatingFile } from '../../../../src/stream/output/rotating-file.ts';
import { directory, linesOf } from './directory.ts';

const never = new AbortController().signal;
const refused = (error: unknown) => error instanceof SyscribeError && error.code === 'ERR_FILE_WRITE' && !!error.remedy;
const numbered = (count: number, width = 50) =>
  Array.from({ length: count }, (_, index) => `${String(index).padStart(width - 1, '0')}\n`);
const rotated = (path: string) => readdirSync(path).filter((name) => name !== 'audit.log');

test('what is there is appended to; directory and file are for their owner only', async (t) => {
  const path = join(directory(t), 'logs/deep/audit.log');
  for (const line of ['one\n', 'two\nthree\n']) {
    await using file = new RotatingFile(path);
    await file.write(line, never);
    await file.sync();
  }
  assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\nthree\n');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
});

test('lines are spread over files by size, none is lost or torn, and they are named as lumberjack does', async (t) => {
  const path = directory(t);
  const lines = numbered(200);
  await using file = new RotatingFile(join(path, 'audit.log'), { maxBytes: 1000 });
  for (let from = 0; from < lines.length; from += 7) await file.write(lines.slice(from, from + 7).join(''), never);
  assert.equal(rotated(path).length, 9);
  for (const name of rotated(path)) assert.match(name, /^audit-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}(?:\.\d+)?\.log$/);
  assert.deepEqual(
    linesOf(path, 'audit').toSorted(),
    lines.map((line) => line.trimEnd()),
  );
});

test('without a size there is one file', async (t) => {
  const path = directory(t);
  await using file = new RotatingFile(join(path, 'audit.log'));
  for (const line of numbered(500)) await file.write(line, never);
  assert.deepEqual(readdirSync(path), ['audit.log']);
});

test('only so many rotated files are kept, the newest', async (t) => {
  const path = directory(t);
  for (const year of [2020, 2021, 2022]) writeFileSync(join(path, `audit-${year}-01-01T00-00-00.000.log`), 'old\n');
  writeFileSync(join(path, 'other-2020-01-01T00-00-00.000.log'), 'of others\n');
  await using file = new RotatingFile(join(path, 'audit.log'), { maxBytes: 50, maxFiles: 2 });
  for (const line of numbered(2)) await file.write(line, never);
  const left = rotated(path).toSorted();
  assert.equal(left.length, 3);
  assert.equal(left[0], 'audit-2022-01-01T00-00-00.000.log');
  assert.ok(left.includes('other-2020-01-01T00-00-00.000.log'));
});

test('rotated files that are too old are removed', async (t) => {
  const path = directory(t);
  const young = `audit-${new Date(Date.now() - 60_000).toISOString().replaceAll(':', '-').slice(0, -1)}.log`;
  for (const name of [young, 'audit-2020-01-01T00-00-00.000.log']) writeFileSync(join(path, name), 'old\n');
  await using file = new RotatingFile(join(path, 'audit.log'), { maxBytes: 50, maxAge: 3_600_000 });
  for (const line of numbered(2)) await file.write(line, never);
  assert.ok(rotated(path).includes(young));
  assert.ok(!rotated(path).includes('audit-2020-01-01T00-00-00.000.log'));
});

for (const [what, before, after] of [
  ['a line that a crash tore', 'one\ntwo\nthr', 'one\ntwo\n'],
  ['all of a file that is a torn line', 'thr', ''],
  ['a torn line that is longer than a block', `one\n${'x'.repeat(200_000)}`, 'one\n'],
  ['nothing of whole lines', 'one\ntwo\n', 'one\ntwo\n'],
] as const) {
  test(`on opening is cut off ${what}`, async (t) => {
    const path = join(directory(t), 'audit.log');
    writeFileSync(path, before);
    await using file = new RotatingFile(path);
    await file.write('next\n', never);
    assert.equal(readFileSync(path, 'utf8'), `${after}next\n`);
  });
}

for (const [what, move] of [
  ['renamed', (path: string) => renameSync(path, `${path}.1`)],
  ['removed', (path: string) => rmSync(path)],
  [
    'replaced',
    (path: string) => {
      renameSync(path, `${path}.1`);
      writeFileSync(path, '');
    },
  ],
] as const) {
  test(`a file that somebody else has ${what} is left for a new one`, async (t) => {
    const path = join(directory(t), 'audit.log');
    await using file = new RotatingFile(path);
    await file.write('one\n', never);
    move(path);
    await file.write('two\n', never);
    assert.equal(readFileSync(path, 'utf8'), 'two\n');
    if (what !== 'removed') assert.equal(readFileSync(`${path}.1`, 'utf8'), 'one\n');
  });
}

test('a symbolic link to a file is refused, and the file left alone', async (t) => {
  const path = directory(t);
  writeFileSync(join(path, 'precious'), 'kept');
  symlinkSync(join(path, 'precious'), join(path, 'audit.log'));
  await using file = new RotatingFile(join(path, 'audit.log'));
  await assert.rejects(file.open(), refused);
  assert.equal(readFileSync(join(path, 'precious'), 'utf8'), 'kept');
});

test('a directory is refused', async (t) => {
  const path = join(directory(t), 'audit.log');
  mkdirSync(path);
  await using file = new RotatingFile(path);
  await assert.rejects(file.open(), refused);
});

test('a device is written to as it is', async () => {
  await using file = new RotatingFile('/dev/null', { maxBytes: 10, maxFiles: 1 });
  for (const line of numbered(10)) await file.write(line, never);
  await file.sync();
  assert.ok(statSync('/dev/null').isCharacterDevice());
});

test('a disk that stays full: it is told once, and on an abort how many lines are missing', async () => {
  const said: string[] = [];
  const stop = new AbortController();
  const say = (text: string) => {
    said.push(text);
    stop.abort();
  };
  await using file = new RotatingFile('/dev/full', { say });
  await assert.rejects(
    file.write(numbered(3).join(''), stop.signal),
    (error) => refused(error) && /: 3 /.test((error as Error).message),
  );
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /ENOSPC/);
});
