import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RotatingFile } from '../../../src/stream/output/rotating-file.ts';
import { temporary } from '../support/syscribe.ts';

const FOREVER = new AbortController().signal;
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join('');

/** A directory with so little room, unmounted and removed after the test. */
function smallDisk(context: TestContext, size: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory]);
  context.after(() => {
    execFileSync('umount', [directory]);
    rmdirSync(directory);
  });
  return directory;
}

function allLines(directory: string): string[] {
  const files = readdirSync(directory).sort((a, b) => (a === 'a.log' ? 1 : b === 'a.log' ? -1 : a.localeCompare(b)));
  return files.flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1));
}

test('a file of root’s own, whole lines over all rotations, and no more than are to be kept', async (context) => {
  const directory = join(temporary(context), 'made');
  await using file = new RotatingFile(join(directory, 'a.log'), { maxBytes: 100 });
  for (let next = 0; next < 100; next += 10) await file.write(numbered(next, next + 10), FOREVER);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  assert.equal(statSync(join(directory, 'a.log')).mode & 0o777, 0o600);
  assert.equal(allLines(directory).length, 100);
  for (const name of readdirSync(directory)) assert.ok(statSync(join(directory, name)).size <= 100);
  await using few = new RotatingFile(join(directory, 'a.log'), { maxBytes: 100, maxFiles: 2 });
  await few.write(numbered(100, 130), FOREVER);
  assert.equal(readdirSync(directory).length, 3);
});

test('what a crash tore is cut off', async (context) => {
  const path = join(temporary(context), 'a.log');
  writeFileSync(path, 'whole\nto');
  await using file = new RotatingFile(path);
  await file.write('next\n', FOREVER);
  assert.equal(readFileSync(path, 'utf8'), 'whole\nnext\n');
});

test('a file that was renamed away is begun anew; a link is not followed', async (context) => {
  const directory = temporary(context);
  const path = join(directory, 'a.log');
  await using file = new RotatingFile(path);
  await file.write('one\n', FOREVER);
  renameSync(path, `${path}.1`);
  await file.write('two\n', FOREVER);
  assert.equal(readFileSync(path, 'utf8'), 'two\n');
  symlinkSync(path, join(directory, 'link'));
  await using link = new RotatingFile(join(directory, 'link'));
  await assert.rejects(link.open(), { code: 'ERR_FILE_WRITE' });
});

test('a full disk: the file holds whole lines, and what waits is written when there is room', async (context) => {
  const directory = smallDisk(context, '64k');
  const full = Promise.withResolvers<void>();
  const said: string[] = [];
  mkdirSync(join(directory, 'logs'));
  const ballast = join(directory, 'ballast');
  writeFileSync(ballast, Buffer.alloc(40_000));
  const path = join(directory, 'logs', 'a.log');
  await using file = new RotatingFile(path, {
    say: (text) => {
      said.push(text);
      full.resolve();
    },
  });
  const written = file.write(numbered(0, 4000), FOREVER);
  await full.promise;
  assert.ok(readFileSync(path, 'utf8').endsWith('\n') || statSync(path).size === 0);
  unlinkSync(ballast);
  await written;
  assert.equal(readFileSync(path, 'utf8'), numbered(0, 4000));
  assert.match(said[0] ?? '', /cannot write .* \(ENOSPC\): waiting for room/);
  assert.match(said[1] ?? '', /again after/);
});

test('a full disk at the end: how many events were not written is told', async (context) => {
  const directory = smallDisk(context, '16k');
  const stop = new AbortController();
  await using file = new RotatingFile(join(directory, 'a.log'), { say: () => stop.abort() });
  await assert.rejects(file.write(numbered(0, 4000), stop.signal), (error: Error) => {
    const unwritten = Number(/: (\d+) events were not written/.exec(error.message)?.[1]);
    const lines = readFileSync(join(directory, 'a.log'), 'utf8').split('\n').length - 1;
    return lines + unwritten === 4000;
  });
});
