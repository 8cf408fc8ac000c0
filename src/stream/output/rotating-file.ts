import { constants, existsSync, renameSync, unlinkSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { SyscribeError } from '../../platform/errors.ts';
import { pause } from '../../platform/wait.ts';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
const FIRST_PAUSE = 100; // milliseconds between attempts on a full disk, doubling
const LAST_PAUSE = 5000;
const TAIL = 64 << 10;
/** What goes over by itself, or by somebody's making room. */
const PASSING: readonly (string | undefined)[] = ['ENOSPC', 'EDQUOT', 'EIO', 'ENOBUFS'];

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

  constructor(path: string, settings: RotationSettings = {}) {
    this.#path = path;
    this.#settings = settings;
  }

  /**
   * Opens the file, so that one that cannot be written is told before anything is read.
   * @throws SyscribeError ERR_FILE_WRITE
   */
  async open(): Promise<void> {
    this.#current ??= await this.#open();
  }

  /**
   * Appends whole lines, and waits as long as the disk is full.
   * @throws SyscribeError ERR_FILE_WRITE when `signal` aborts meanwhile, or for what will not go over.
   */
  async write(lines: string, signal: AbortSignal): Promise<void> {
    let rest = Buffer.from(lines);
    let stalledSince = 0;
    for (let wait = FIRST_PAUSE; rest.length > 0; ) {
      try {
        rest = rest.subarray(await this.#append(rest));
        if (stalledSince > 0 && rest.length === 0)
          this.#settings.say?.(`writing ${this.#path} again after ${Math.round((Date.now() - stalledSince) / 1000)} s`);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (!PASSING.includes(code)) throw failure(this.#path, error);
        if (stalledSince === 0) this.#settings.say?.(`cannot write ${this.#path} (${code}): waiting for room`);
        stalledSince ||= Date.now();
        if (!signal.aborted) await pause(wait, signal);
        wait = Math.min(wait * 2, LAST_PAUSE);
        if (signal.aborted) throw unwritten(this.#path, rest, error);
      }
    }
  }

  /** What was written is on the disk. */
  async sync(): Promise<void> {
    if (this.#current?.regular) await this.#current.handle.datasync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current?.handle.close();
    this.#current = undefined;
  }

  /** @returns how many bytes of whole lines are in the file now. */
  async #append(bytes: Buffer): Promise<number> {
    const file = await this.#fitting(bytes.indexOf(0x0a) + 1);
    let end = bytes.length;
    const { maxBytes = 0 } = this.#settings;
    if (file.regular && maxBytes > 0 && file.size + end > maxBytes) {
      // As many lines as there is room for; one that is longer than a whole file gets a file of its own.
      const room = bytes.lastIndexOf(0x0a, Math.max(maxBytes - file.size - 1, 0)) + 1;
      end = room > 0 ? room : bytes.indexOf(0x0a) + 1;
    }
    const { bytesWritten } = await this.#writeOnce(file, bytes.subarray(0, end));
    return bytesWritten;
  }

  async #writeOnce(file: Current, bytes: Buffer): Promise<{ bytesWritten: number }> {
    let written = 0;
    try {
      while (written < bytes.length) written += (await file.handle.write(bytes, written)).bytesWritten;
      file.size += written;
      return { bytesWritten: written };
    } catch (error) {
      const whole = bytes.subarray(0, written).lastIndexOf(0x0a) + 1;
      if (file.regular) await file.handle.truncate(file.size + whole);
      file.size += whole;
      if (whole === 0) throw error;
      return { bytesWritten: whole };
    }
  }

  /** The file to append to: still the one of this name, and with room for a line of this length. */
  async #fitting(length: number): Promise<Current> {
    const { maxBytes = 0 } = this.#settings;
    let file = this.#current;
    if (file?.regular) {
      const stats = await stat(this.#path, { bigint: true }).catch(() => undefined);
      if (stats?.ino !== file.inode) {
        await file.handle.close(); // logrotate(8) has been here.
        this.#current = file = undefined;
      }
    }
    if (file?.regular && maxBytes > 0 && file.size > 0 && file.size + length > maxBytes) {
      await file.handle.close();
      this.#current = file = undefined;
      await this.#rotate();
    }
    this.#current = file ?? (await this.#open());
    return this.#current;
  }

  async #rotate(): Promise<void> {
    const extension = extname(this.#path);
    const base = join(dirname(this.#path), basename(this.#path, extension));
    const time = new Date().toISOString().replace(/:/g, '-').replace('Z', '');
    let target = `${base}-${time}${extension}`;
    for (let count = 1; existsSync(target); count++) target = `${base}-${time}.${count}${extension}`;
    renameSync(this.#path, target);
    await this.#removeOld();
  }

  async #removeOld(): Promise<void> {
    const { maxAge = 0, maxFiles = 0 } = this.#settings;
    const extension = extname(this.#path);
    const prefix = `${basename(this.#path, extension)}-`;
    const rotated = (await readdir(dirname(this.#path)))
      .filter((name) => name.startsWith(prefix) && name.endsWith(extension))
      .map((name) => ({ name, time: timeOf(name.slice(prefix.length)) }))
      .filter(({ time }) => !Number.isNaN(time))
      .sort((a, b) => b.time - a.time || b.name.localeCompare(a.name));
    for (const [index, { name, time }] of rotated.entries())
      if ((maxFiles > 0 && index >= maxFiles) || (maxAge > 0 && Date.now() - time > maxAge))
        unlinkSync(join(dirname(this.#path), name));
  }

  async #open(): Promise<Current> {
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      const special = await stat(this.#path).then(
        (stats) => !stats.isFile(),
        () => false,
      );
      const handle = await open(this.#path, special ? 'a' : O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
      const stats = await handle.stat({ bigint: true });
      const file = { handle, inode: stats.ino, regular: stats.isFile(), size: Number(stats.size) };
      if (file.regular) await cutTornLine(file);
      return file;
    } catch (error) {
      if (PASSING.includes((error as NodeJS.ErrnoException).code)) throw error;
      throw failure(this.#path, error);
    }
  }
}

/** The last line's end is missing where its writer was killed: its event comes again. */
async function cutTornLine(file: Current): Promise<void> {
  for (let end = file.size; end > 0; ) {
    const length = Math.min(TAIL, end);
    const bytes = Buffer.alloc(length);
    await file.handle.read(bytes, 0, length, end - length);
    const newline = bytes.lastIndexOf(0x0a);
    if (end === file.size && newline === length - 1) return;
    if (newline !== -1 || end === length) {
      file.size = newline === -1 ? 0 : end - length + newline + 1;
      await file.handle.truncate(file.size);
      return;
    }
    end -= length;
  }
}

/** The time in a rotated file's name (`2024-04-05T10-11-12.123`), milliseconds since the epoch. */
function timeOf(text: string): number {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})/.exec(text);
  return match ? Date.parse(`${match[1]}T${match[2]}:${match[3]}:${match[4]}Z`) : Number.NaN;
}

function failure(path: string, cause: unknown): SyscribeError {
  return new SyscribeError('ERR_FILE_WRITE', `cannot write ${path}`, {
    cause,
    remedy: 'Give another file, or check the permissions of its directory; a symbolic link is not followed.',
  });
}

function unwritten(path: string, rest: Buffer, cause: unknown): SyscribeError {
  const lines = rest.reduce((count, byte) => count + (byte === 0x0a ? 1 : 0), 0);
  return new SyscribeError('ERR_FILE_WRITE', `cannot write ${path}: ${lines} events were not written`, {
    cause,
    remedy: 'Make room; with the same position file the next run writes them.',
  });
}
