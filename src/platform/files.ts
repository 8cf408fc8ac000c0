import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, lstatSync, openSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { SyscribeError } from './errors.ts';

const REMEDY = 'Give another file, or make room and check the permissions of its directory.';

function isSpecial(path: string): boolean {
  try {
    return !statSync(path).isFile();
  } catch {
    return false;
  }
}

function failure(path: string, cause: unknown): SyscribeError {
  return new SyscribeError('ERR_FILE_WRITE', `cannot write ${path}`, { cause, remedy: REMEDY });
}

/** Creates a file of an unpredictable name beside `path`, which must not exist (no link is followed). */
function createBeside(path: string, mode: number): { file: string; fd: number } {
  // A name has 255 bytes at most, and this one has more than the file's.
  const file = join(dirname(path), `.${basename(path).slice(0, 200)}.${randomBytes(9).toString('base64url')}`);
  return { file, fd: openSync(file, 'wx', mode) };
}

function discard(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // Nothing is left of it.
  }
}

/**
 * Writes a file whole or not at all: what was there before stays until the new text is on disk. Devices and pipes
 * (/dev/stdout) are written directly.
 * @throws SyscribeError ERR_FILE_WRITE; no part of the text is left behind then.
 */
export function writeFileAtomic(path: string, text: string, mode = 0o644): void {
  if (isSpecial(path)) {
    try {
      writeFileSync(path, text);
      return;
    } catch (cause) {
      throw failure(path, cause);
    }
  }
  let file: string | undefined;
  try {
    const created = createBeside(path, mode);
    file = created.file;
    try {
      writeFileSync(created.fd, text);
      fsyncSync(created.fd);
    } finally {
      closeSync(created.fd);
    }
    renameSync(file, path);
  } catch (cause) {
    if (file !== undefined) discard(file);
    throw failure(path, cause);
  }
}

/**
 * Finds out whether {@link writeFileAtomic} could write there, by creating and removing a file beside it.
 * @throws SyscribeError ERR_FILE_WRITE.
 */
export function checkWritable(path: string): void {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a directory');
    if (isSpecial(path)) {
      closeSync(openSync(path, 'a'));
      return;
    }
    const { file, fd } = createBeside(path, 0o600);
    closeSync(fd);
    unlinkSync(file);
  } catch (cause) {
    throw failure(path, cause);
  }
}
