import { createHash } from 'node:crypto';
import { fstatSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { SyscribeError } from '../../platform/errors.ts';
import type { Serials } from './gaps.ts';
import { inodeOf, type LogFileEntry, type LogFiles, logFile, logFiles } from './siblings.ts';

/** Text of more than 128 KiB is one of V8's large objects, and those make the heap grow by as much as is read in between. */
const BLOCK = 64 << 10;
const HEAD = 256;
/** Milliseconds after which a log that was renamed is left although nothing was written to its successor yet. */
const GRACE = 5000;
const ATTEMPTS = 100;

/** How far a log was read, such that it is found again after any rotation. */
export interface LogPosition {
  readonly inode: string;
  readonly offset: number;
  /** The file's first bytes, as many as it had (256 at most): an inode's number is used again, its first record is not. */
  readonly head: { readonly length: number; readonly sha256: string };
}

/** Where another process has stopped reading, and what it knew by then. */
export interface Continuation extends LogPosition {
  readonly serials?: Serials;
  /** Milliseconds since the epoch: where the position is in no file any more, files written from then on are read. */
  readonly since?: number;
}

export type Start = 'beginning' | 'end' | { readonly since: number } | Continuation;

export interface LogFileCounts {
  /** How often the log was renamed and its successor opened. */
  rotations: number;
  /** How often the log was cut off under the reader (copytruncate, or somebody emptied it). */
  truncations: number;
  /** Times at which lines may be missing: a position or rest that was in no file any more. */
  breaks: number;
  /** Lines too long for any record, or without an end when their file was left. */
  tornLines: number;
}

interface Open {
  readonly handle: FileHandle;
  readonly inode: string;
  offset: number;
  head: Buffer;
}

/**
 * A log that others write, rename and cut off, read by blocks in the order in which it was written. The file is held
 * open, so what is written behind its rename is read too; a file is told by its inode and its first bytes.
 */
export class LogFile implements AsyncDisposable {
  readonly counts: LogFileCounts = { rotations: 0, truncations: 0, breaks: 0, tornLines: 0 };
  readonly #path: string;
  readonly #buffer = Buffer.allocUnsafeSlow(BLOCK);
  #file: Open | undefined;
  #start: Start;
  /** The log as it was when 'end' was asked for: what comes after that is read. */
  readonly #then: LogFileEntry | undefined;
  #leaveAt = 0;
  /** A file was renamed between the look at its name and its opening. */
  #moved = false;
  #skipping = false;

  constructor(path: string, start: Start) {
    this.#path = path;
    this.#start = start;
    this.#then = start === 'end' ? logFile(path) : undefined;
  }

  /** Opens the file where it is to begin, if there is one yet. */
  async open(): Promise<void> {
    this.#file ??= await this.#open();
  }

  /** The next whole lines; undefined when there are none now. The bytes are good until the next call. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      await this.open();
      const file = this.#file;
      if (!file) return undefined;
      const read = this.#read(file);
      if (read === 'replaced') {
        await this.#recover(file);
        continue;
      }
      if (read) return read;
      if (!(await this.#leave(file))) return undefined;
    }
  }

  /** Where the next line will be read from; undefined before the log was first opened. */
  position(): LogPosition | undefined {
    if (!this.#file) return undefined;
    const { head, inode, offset } = this.#file;
    return { inode, offset, head: { length: head.length, sha256: digest(head) } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.handle.close();
    this.#file = undefined;
  }

  /**
   * `'replaced'` when the file is no longer the one that was read so far. Read synchronously: three trips to libuv's threads
   * a block took an eighth of the time of the whole way.
   */
  #read(file: Open): Buffer | 'replaced' | undefined {
    const buffer = this.#buffer;
    for (;;) {
      const bytesRead = readSync(file.handle.fd, buffer, 0, BLOCK, file.offset);
      // The block before the head: what is read of a file that is cut off meanwhile is not taken for the old one's.
      if (!this.#sameHead(file)) return 'replaced';
      const end = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
      if (end === 0 && bytesRead < BLOCK) return undefined;
      file.offset += end === 0 ? bytesRead : end;
      let start = 0;
      if (this.#skipping || end === 0) {
        // A line longer than a block is none of the kernel's: passed over to its end.
        if (!this.#skipping) this.counts.tornLines += 1;
        this.#skipping = end === 0;
        if (end === 0) continue;
        start = buffer.indexOf(0x0a) + 1;
        if (start === end) continue;
      }
      return buffer.subarray(start, end);
    }
  }

  #sameHead(file: Open): boolean {
    const { size } = fstatSync(file.handle.fd);
    if (size < file.offset) return false;
    const head = readHead(file.handle, Math.min(HEAD, size));
    const same = head.length >= file.head.length && head.subarray(0, file.head.length).equals(file.head);
    if (same) file.head = head;
    return same;
  }

  /** The file was cut off: goes on in the copy that logrotate's copytruncate made before, else from its new beginning. */
  async #recover(file: Open): Promise<void> {
    this.counts.truncations += 1;
    await file.handle.close();
    const position = { offset: file.offset, head: { length: file.head.length, sha256: digest(file.head) } };
    this.#file = await this.#steady(({ rotated }) => this.#find(rotated, { ...position, inode: '' }));
    if (this.#file) return;
    this.counts.breaks += 1;
    this.#file = await this.#steady(({ current }) => this.#openEntry(current, 0));
  }

  /**
   * At the end of a file: opens the one that was written after it.
   * @returns false while that is the file itself; true when there may be more to read.
   */
  async #leave(file: Open): Promise<boolean> {
    if (logFile(this.#path)?.inode === file.inode) return false;
    const files = logFiles(this.#path);
    if (!files.current || files.current.inode === file.inode) return false;
    const entry = await this.#after(file, files, files.current);
    // Whoever writes may hold the renamed file a while longer (syslog until it gets SIGHUP): until then the new is empty.
    if (entry.size === 0 && entry === files.current) {
      this.#leaveAt ||= Date.now() + GRACE;
      if (Date.now() < this.#leaveAt) return false;
    }
    // Its last lines may have come between the read and the look at its successor.
    const { size } = await file.handle.stat();
    const rest = Buffer.alloc(Math.min(size - file.offset, BLOCK));
    if (rest.length > 0) {
      const { bytesRead } = await file.handle.read(rest, 0, rest.length, file.offset);
      if (rest.subarray(0, bytesRead).includes(0x0a)) return true;
    }
    const next = await this.#openEntry(entry, 0);
    if (!next) return true; // It was renamed meanwhile: looked for again.
    if (rest.length > 0) this.counts.tornLines += 1;
    await file.handle.close();
    this.#leaveAt = 0;
    this.#skipping = false;
    this.counts.rotations += 1;
    this.#file = next;
    return true;
  }

  /** The file that was written after `file`: one that was rotated away meanwhile, else the log itself. */
  async #after(file: Open, { rotated }: LogFiles, current: LogFileEntry): Promise<LogFileEntry> {
    const own = rotated.findIndex((entry) => entry.inode === file.inode);
    if (own !== -1) return rotated[own + 1] ?? current;
    const { mtimeMs } = await file.handle.stat(); // It was removed.
    return rotated.find((entry) => entry.modified >= Math.floor(mtimeMs)) ?? current;
  }

  async #open(): Promise<Open | undefined> {
    const file = await this.#openStart();
    // Whatever comes after this file, or is made later, is read from its beginning.
    if (file || this.#start === 'end') this.#start = 'beginning';
    return file;
  }

  async #openStart(): Promise<Open | undefined> {
    const start = this.#start;
    if (start === 'beginning') return this.#steady(({ current }) => this.#openEntry(current, 0));
    if (start === 'end') return this.#steady((files) => this.#openEnd(files));
    if (!('inode' in start)) return this.#openSince(start.since);
    const file = await this.#steady(({ rotated, current }) =>
      this.#find([...rotated, ...(current ? [current] : [])], start),
    );
    if (file || !logFile(this.#path)) return file;
    this.counts.breaks += 1;
    return this.#openSince(start.since ?? Number.POSITIVE_INFINITY);
  }

  /** The oldest file that something was written to since then; the log itself where there is none. */
  #openSince(since: number): Promise<Open | undefined> {
    return this.#steady(({ rotated, current }) =>
      this.#openEntry(rotated.find((entry) => entry.modified >= since) ?? current, 0),
    );
  }

  /** Opens one of the log's files, again where a rename came between the look at them and the opening. */
  async #steady(attempt: (files: LogFiles) => Promise<Open | undefined>): Promise<Open | undefined> {
    for (let again = 0; ; again++) {
      this.#moved = false;
      const file = await attempt(logFiles(this.#path));
      if (file || !this.#moved || again === ATTEMPTS) return file;
    }
  }

  /** Where the log ended then, whatever that file is called now; all of a log that has been made since. */
  async #openEnd({ rotated, current }: LogFiles): Promise<Open | undefined> {
    const then = this.#then;
    const entry = then && [...rotated, current].find((candidate) => candidate?.inode === then.inode);
    const file = await this.#openEntry(entry ?? current, 0);
    if (file && entry && then) {
      file.offset = then.size;
      file.offset = await lineStart(file);
    }
    return file;
  }

  async #find(entries: readonly LogFileEntry[], { inode, offset, head }: LogPosition): Promise<Open | undefined> {
    for (const entry of entries) {
      if (entry.size < offset || entry.size < head.length) continue;
      // A file that was empty is told by nothing else.
      if (head.length === 0 && entry.inode !== inode) continue;
      const file = await this.#openEntry(entry, offset);
      if (file && digest(file.head.subarray(0, head.length)) === head.sha256) return file;
      await file?.handle.close();
    }
    return undefined;
  }

  /** @throws SyscribeError ERR_FILE_READ for a file that may not be read; undefined where another has its name now. */
  async #openEntry(entry: LogFileEntry | undefined, offset: number): Promise<Open | undefined> {
    if (!entry) return undefined;
    let handle: FileHandle | undefined;
    try {
      handle = await open(entry.path, 'r');
      const stats = await handle.stat({ bigint: true });
      const inode = inodeOf(stats);
      if (inode !== entry.inode) {
        await handle.close();
        this.#moved = true;
        return undefined;
      }
      return {
        handle,
        inode,
        offset,
        head: readHead(handle, Math.min(HEAD, Number(stats.size))),
      };
    } catch (cause) {
      await handle?.close();
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
        this.#moved = true;
        return undefined;
      }
      throw new SyscribeError('ERR_FILE_READ', `cannot read ${entry.path}`, {
        cause,
        remedy: 'Run as root, or as a user who may read the audit log.',
      });
    }
  }
}

function readHead(handle: FileHandle, length: number): Buffer {
  const head = Buffer.alloc(length);
  return head.subarray(0, readSync(handle.fd, head, 0, length, 0));
}

/** The beginning of the line that the offset is in. */
async function lineStart({ handle, offset }: Open): Promise<number> {
  const length = Math.min(BLOCK, offset);
  const before = Buffer.alloc(length);
  const { bytesRead } = await handle.read(before, 0, length, offset - length);
  return offset - length + before.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
