import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants, createReadStream, mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { RotatingFile } from '../../../../src/stream/output/rotating-file.ts';
import { directory, linesOf } from './directory.ts';

const never = new AbortController().signal;
const line = (length: number, character = 'x') => `${character.repeat(length - 1)}\n`;
const sizes = (path: string) => readdirSync(path).map((name) => statSync(join(path, name)).size);

test('no file is larger than it may be, unless one line is', async (t) => {
  const path = directory(t);
  await using file = new RotatingFile(join(path, 'audit.log'), { maxBytes: 100 });
  for (const length of [60, 60, 60, 100, 30, 250, 30]) await file.write(line(length), never);
  assert.deepEqual(
    sizes(path).toSorted((a, b) => a - b),
    [30, 30, 60, 60, 60, 100, 250],
  );
});

test('what somebody put where an old file would be does not end the stream', async (t) => {
  const path = directory(t);
  mkdirSync(join(path, 'audit-2020-01-01T00-00-00.000.log'));
  writeFileSync(join(path, 'audit-2020-01-01T00-00-00.000-keep.log'), 'kept\n');
  await using file = new RotatingFile(join(path, 'audit.log'), { maxBytes: 50, maxFiles: 1 });
  for (let count = 0; count < 4; count++) await file.write(line(50), never);
  assert.ok(readdirSync(path).includes('audit-2020-01-01T00-00-00.000-keep.log'));
  assert.equal(readdirSync(path).length, 4);
});

test('files that are too old go when the file is opened, however quiet it stays', async (t) => {
  const path = directory(t);
  writeFileSync(join(path, 'audit-2020-01-01T00-00-00.000.log'), 'old\n');
  await using file = new RotatingFile(join(path, 'audit.log'), { maxAge: 3_600_000 });
  await file.open();
  assert.deepEqual(readdirSync(path), ['audit.log']);
});

test('a sync may come at any time, also while files are rotated', async (t) => {
  const path = directory(t);
  await using file = new RotatingFile(join(path, 'audit.log'), { maxBytes: 100 });
  const lines = Array.from({ length: 300 }, (_, index) => `${index}\n`.padStart(40, '0'));
  let isWriting = true;
  const written = file.write(lines.join(''), never).finally(() => {
    isWriting = false;
  });
  while (isWriting) await Promise.all([file.sync(), immediate()]);
  await written;
  assert.equal(linesOf(path, 'audit').length, 300);
});

test('lines of several writers do not mix', async (t) => {
  const path = directory(t);
  await using file = new RotatingFile(join(path, 'audit.log'), { maxBytes: 100 });
  await Promise.all(Array.from({ length: 50 }, (_, index) => file.write(`${index}\n`.padStart(40, '0'), never)));
  assert.deepEqual(
    linesOf(path, 'audit')
      .map(Number)
      .toSorted((a, b) => a - b),
    Array.from({ length: 50 }, (_, index) => index),
  );
  assert.ok(sizes(path).every((size) => size <= 100));
});

test('after copytruncate of logrotate the file goes on at its new end', async (t) => {
  const path = directory(t);
  await using file = new RotatingFile(join(path, 'audit.log'), { maxBytes: 1000 });
  await file.write(line(900), never);
  truncateSync(join(path, 'audit.log'));
  await file.write(line(900), never);
  await file.write(line(50), never);
  assert.deepEqual(readdirSync(path), ['audit.log']);
});

test('a rotated file is on the disk before it is left: a later sync does not reach it', async (t) => {
  const path = join(directory(t), 'audit.log');
  const probe = await open(path, 'a');
  const prototype = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const synced: number[] = [];
  const datasync = prototype.datasync;
  t.mock.method(prototype, 'datasync', async function (this: FileHandle) {
    synced.push((await this.stat()).size);
    return datasync.call(this);
  });
  await using file = new RotatingFile(path, { maxBytes: 50 });
  for (let count = 0; count < 3; count++) await file.write(line(50), never);
  assert.deepEqual(synced, [50, 50]);
});

test('a named pipe may get its reader later, and a slow one; all lines come out', { timeout: 20_000 }, async (t) => {
  const path = join(directory(t), 'audit.pipe');
  execFileSync('mkfifo', [path]);
  const told = Promise.withResolvers<string>();
  await using file = new RotatingFile(path, { maxBytes: 10, say: told.resolve });
  await file.open();
  const lines = line(1000).repeat(500); // More than a pipe holds.
  const written = file.write(lines, never);
  assert.match(await told.promise, /ENXIO.*reader/);
  const read = text(createReadStream(path));
  await written;
  await file[Symbol.asyncDispose]();
  assert.equal(await read, lines);
});

test('a named pipe that nobody reads on does not hold who wants to end', { timeout: 20_000 }, async (t) => {
  const path = join(directory(t), 'audit.pipe');
  execFileSync('mkfifo', [path]);
  await using reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  await using file = new RotatingFile(path);
  const written = file.write(line(1000).repeat(500), AbortSignal.timeout(50));
  await assert.rejects(written, /lines \(\d+ bytes\) not written/);
  assert.ok(reader.fd > 0);
});
