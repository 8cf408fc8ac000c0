import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SyscribeError } from '../../platform/errors.ts';
import { pause } from '../../platform/wait.ts';
import { removeOld, setAside } from './rotated-files.ts';

const { O_APPEND, O_CREAT, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDWR, O_WRONLY } = constants;
const FIRST_PAUSE = 100; // milliseconds between attempts on a full disk, doubling
const LAST_PAUSE = 5000;
const SLOW_READER = 10; // milliseconds between attempts on a full pipe
const TAIL = 64 << 10;
const NEWLINE = 0x0a;
/** What goes over by itself, or by somebody's making room; ENXIO is a named pipe without a reader. */
const PASSING: readonly (string | undefined)[] = ['ENOSPC', 'EDQUOT', 'EIO', 'ENOBUFS', 'ENXIO', 'EAGAIN'];

export interface RotationSettings {
  /** Bytes after which a new file is begun; 0: never. */
  readonly maxBytes?: number;
  /** Milliseconds after which a rotated file is removed; 0: never. */
  readonly maxAge?: number;
  /** Rotated files that are kept; 0: all. */
  readonly maxFiles?: number;
  /** Told when the disk is full, and once it is not any more. */
  readonly say?: (text: string) => void;
}

interface Current {
  readonly handle: FileHandle;
  readonly inode: bigint;
  /** A device or pipe is written to as it is. */
  readonly regular: boolean;
  size: number;
  /** Where a line begins that was written in part and could not be cut off yet. */
  torn?: number | undefined;
}

/** How much was taken, in bytes of whole lines, before what went wrong. */
interface Progress {
  readonly taken: number;
  readonly error?: unknown;
}

/**
 * A file of lines that is rotated as SPO's enricher rotates its own (`audit-2024-04-05T10-11-12.123.log`). It holds whole
 * lines at any time: what a crash tore is cut off when it is opened again, what a full disk tore at once, and the lines
 * wait until there is room.
 */
export class RotatingFile implements AsyncDisposable {
  readonly #path: string;
  readonly #settings: RotationSettings;
  #current: Current | undefined;
  /** Ends with the last call: a rotation must not take the file from under a write or a sync. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(path: string, settings: RotationSettings = {}) {
    this.#path = path;
    this.#settings = settings;
  }

  /**
   * Opens the file, so that one that cannot be written is told before anything is read. A named pipe may get its reader
   * later.
   * @throws SyscribeError ERR_FILE_WRITE
   */
  open(): Promise<void> {
    return this.#inTurn(async () => {
      try {
        this.#current ??= await this.#open();
        await this.#removeOld();
      } catch (error) {
        if (codeOf(error) !== 'ENXIO') throw failure(this.#path, error);
      }
    });
  }

  /**
   * Appends whole lines, and waits as long as the disk is full.
   * @throws SyscribeError ERR_FILE_WRITE when `signal` aborts meanwhile, or for what will not go over.
   */
  write(lines: string, signal: AbortSignal): Promise<void> {
    return this.#inTurn(() => this.#write(Buffer.from(lines), signal));
  }

  /**
   * What was written is on the disk.
   * @throws SyscribeError ERR_FILE_WRITE
   */
  sync(): Promise<void> {
    return this.#inTurn(async () => {
      try {
        if (this.#current?.regular) await this.#current.handle.datasync();
      } catch (error) {
        throw failure(this.#path, error);
      }
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#inTurn(async () => {
      await this.#current?.handle.close();
      this.#current = undefined;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {
      // Told to the one who called.
    });
    return done;
  }

  async #write(bytes: Buffer, signal: AbortSignal): Promise<void> {
    let rest = bytes;
    let stalledSince: number | undefined;
    for (let wait = FIRST_PAUSE; rest.length > 0; ) {
      const { taken, error } = await this.#append(rest, signal).catch((error: unknown) => ({ taken: 0, error }));
      rest = rest.subarray(taken);
      if (error === undefined) continue;
      const code = codeOf(error);
      if (!PASSING.includes(code)) throw failure(this.#path, error);
      const what = code === 'ENXIO' ? 'a reader' : 'room';
      if (stalledSince === undefined) this.#settings.say?.(`cannot write ${this.#path} (${code}): waiting for ${what}`);
      stalledSince ??= Date.now();
      if (!signal.aborted) await pause(wait, signal);
      if (signal.aborted) throw unwritten(this.#path, rest, error);
      wait = Math.min(wait * 2, LAST_PAUSE);
    }
    if (stalledSince === undefined) return;
    this.#settings.say?.(`writing ${this.#path} again after ${Math.round((Date.now() - stalledSince) / 1000)} s`);
  }

  async #append(bytes: Buffer, signal: AbortSignal): Promise<Progress> {
    const firstLine = bytes.indexOf(NEWLINE) + 1 || bytes.length;
    const file = await this.#fitting(firstLine);
    if (!file.regular) return writeThrough(file.handle, bytes, signal);
    const { maxBytes = 0 } = this.#settings;
    // As many lines as there is room for; one that is longer than a whole file gets a file of its own.
    const room = maxBytes > 0 ? Math.max(maxBytes - file.size, firstLine) : bytes.length;
    const end = bytes.lastIndexOf(NEWLINE, room - 1) + 1 || firstLine;
    return writeLines(file, bytes.subarray(0, end));
  }

  /** The file to append to: still the one of this name, and with room for the next line. */
  async #fitting(length: number): Promise<Current> {
    const { maxBytes = 0 } = this.#settings;
    if (this.#current?.regular) {
      await cutTorn(this.#current);
      const stats = await stat(this.#path, { bigint: true }).catch(() => undefined);
      if (stats?.ino !== this.#current.inode)
        await this.#leave(); // logrotate(8) has been here.
      else this.#current.size = Number(stats.size); // Its copytruncate makes the file shorter.
    }
    if (this.#current?.regular && maxBytes > 0 && this.#current.size > 0 && this.#current.size + length > maxBytes) {
      await this.#leave();
      await setAside(this.#path).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error; // Moved by somebody else just now.
      });
      await this.#removeOld();
    }
    this.#current ??= await this.#open();
    return this.#current;
  }

  /** Nobody can ask for a sync of this file any more, so its lines go to the disk now. */
  async #leave(): Promise<void> {
    const handle = this.#current?.handle;
    await handle?.datasync();
    this.#current = undefined;
    await handle?.close();
  }

  async #removeOld(): Promise<void> {
    const { maxAge = 0, maxFiles = 0 } = this.#settings;
    if (maxAge > 0 || maxFiles > 0) await removeOld(this.#path, { maxAge, maxFiles });
  }

  async #open(): Promise<Current> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const special = await stat(this.#path).then(
      (stats) => !stats.isFile(),
      () => false,
    );
    // Without O_NONBLOCK a named pipe would hold the process until somebody reads it, whatever signals come.
    const flags = special ? O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK : O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW;
    const handle = await open(this.#path, flags, 0o600);
    try {
      const stats = await handle.stat({ bigint: true });
      const file: Current = { handle, inode: stats.ino, regular: stats.isFile(), size: Number(stats.size) };
      if (file.regular) await cutLastLine(file);
      return file;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

async function writeLines(file: Current, lines: Buffer): Promise<Progress> {
  let written = 0;
  try {
    while (written < lines.length) written += (await file.handle.write(lines, written)).bytesWritten;
    file.size += written;
    return { taken: written };
  } catch (error) {
    const taken = lines.subarray(0, written).lastIndexOf(NEWLINE) + 1;
    if (written > taken) file.torn = file.size + taken;
    await cutTorn(file).catch(() => {
      // A disk that fails may refuse that too: once more before the next line.
    });
    return { taken, error };
  }
}

/** Nothing can be taken back from a pipe: a line that was begun is ended, however slow the reader is. */
async function writeThrough(handle: FileHandle, bytes: Buffer, signal: AbortSignal): Promise<Progress> {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += (await handle.write(bytes, written)).bytesWritten;
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN' || signal.aborted)
        return { taken: bytes.subarray(0, written).lastIndexOf(NEWLINE) + 1, error };
      await pause(SLOW_READER, signal);
    }
  }
  return { taken: written };
}

async function cutTorn(file: Current): Promise<void> {
  if (file.torn === undefined) return;
  const { size } = await file.handle.stat();
  if (size > file.torn) await file.handle.truncate(file.torn);
  file.size = Math.min(size, file.torn);
  file.torn = undefined;
}

/** The last line's end is missing where its writer was killed: its event comes again. */
async function cutLastLine(file: Current): Promise<void> {
  for (let end = file.size; end > 0; ) {
    const length = Math.min(TAIL, end);
    const bytes = Buffer.alloc(length);
    await file.handle.read(bytes, 0, length, end - length);
    const newline = bytes.lastIndexOf(NEWLINE);
    if (end === file.size && newline === length - 1) return;
    if (newline !== -1 || end === length) {
      file.size = newline === -1 ? 0 : end - length + newline + 1;
      await file.handle.truncate(file.size);
      return;
    }
    end -= length;
  }
}

function failure(path: string, cause: unknown): SyscribeError {
  return new SyscribeError('ERR_FILE_WRITE', `cannot write ${path}`, {
    cause,
    remedy: 'Give another file, or check the permissions of its directory; a symbolic link is not followed.',
  });
}

function unwritten(path: string, rest: Buffer, cause: unknown): SyscribeError {
  const lines = rest.reduce((count, byte) => count + (byte === NEWLINE ? 1 : 0), 0);
  return new SyscribeError(
    'ERR_FILE_WRITE',
    `cannot write ${path}: ${lines} lines (${rest.length} bytes) not written`,
    {
      cause,
      remedy: 'Make room; with the same position file the next run writes them.',
    },
  );
}
