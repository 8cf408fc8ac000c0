import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { SyscribeError } from '../../../src/platform/errors.ts';
import { RotatingFile } from '../../../src/stream/output/rotating-file.ts';
import { linesOf } from '../../unit/stream/output/directory.ts';
import { smallDisk } from './small-disk.ts';

const never = new AbortController().signal;
const line = (length: number) => `${'x'.repeat(length - 1)}\n`;
const numbered = (count: number, width: number) =>
  Array.from({ length: count }, (_, index) => `${String(index).padStart(width - 1, '0')}\n`);

test('a full disk: lines wait until there is room, whole at any time, and all come out', async (t) => {
  const path = smallDisk(t, 64);
  writeFileSync(join(path, 'filler'), Buffer.alloc(40 << 10));
  const lines = numbered(500, 97);
  const said: string[] = [];
  let between: string[] = [];
  const say = (text: string) => {
    said.push(text);
    if (said.length > 1) return;
    between = linesOf(path, 'audit');
    rmSync(join(path, 'filler'));
  };
  await using file = new RotatingFile(join(path, 'audit.log'), { say });
  await file.write(lines.join(''), never);
  const whole = lines.map((line) => line.trimEnd());
  assert.ok(between.length > 0 && between.length < lines.length, `${between.length} lines before it was full`);
  assert.deepEqual(between, whole.slice(0, between.length));
  assert.deepEqual(linesOf(path, 'audit'), whole);
  assert.equal(said.length, 2);
  assert.match(said[1] ?? '', /again/);
});

test('a line that could not be cut off at once is cut off before the next one', async (t) => {
  const disk = smallDisk(t, 16);
  const path = join(disk, 'audit.log');
  const probe = await open(path, 'a');
  const prototype = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const truncate = t.mock.method(prototype, 'truncate', async () => {
    throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  });
  const stop = new AbortController();
  await using file = new RotatingFile(path, { say: () => stop.abort() });
  await assert.rejects(file.write(line(5000).repeat(4), stop.signal), /1 lines \(5000 bytes\) not written/);
  assert.ok(!readFileSync(path, 'utf8').endsWith('\n'), 'the disk refused to cut');
  truncate.mock.restore();
  await file.write('small\n', never);
  assert.deepEqual(
    linesOf(disk, 'audit').map((each) => each.length),
    [4999, 4999, 4999, 5],
  );
});

test('a disk without room for the file itself is told as what it is', async (t) => {
  const disk = smallDisk(t, 4);
  execFileSync('mount', ['-o', 'remount,size=4k,nr_inodes=1', disk]);
  await using file = new RotatingFile(join(disk, 'audit.log'));
  await assert.rejects(file.open(), (error) => error instanceof SyscribeError && error.code === 'ERR_FILE_WRITE');
});
