import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../../platform/files.ts';
import type { ContainerRecord } from './container-record.ts';

const VERSION = 1;
const ID = /^[0-9a-f]{32}$/;
/** What an interrupted write leaves: see writeFileAtomic. */
const TORN = /^\.[0-9a-f]{32}\.json\.[\w-]+$/;
/** More than the largest record has: every call of every ABI and phase, and 500 ids. */
const MOST_BYTES = 4 << 20;

/** Records on disk, a file each: they survive this process and wait for an API server that is away. */
export class Journal {
  readonly #directory: string;
  /** Records that could not be written, with the text of why; tried again at every {@link put}. */
  readonly #failed = new Map<string, string>();
  readonly #tell: (line: string) => void;

  /**
   * @param tell is told when records can no longer be written, with why, and when all are again.
   * @throws the file system's error where the directory cannot be made.
   */
  constructor(directory: string, tell: (line: string) => void = () => {}) {
    this.#directory = directory;
    this.#tell = tell;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** Why records could not be written, where that is so: a full disk most of all. */
  get failures(): readonly string[] {
    return [...new Set(this.#failed.values())];
  }

  /** Records that are not on disk as they are. */
  get failing(): number {
    return this.#failed.size;
  }

  /** @returns whether it is on disk. */
  put(record: ContainerRecord): boolean {
    try {
      writeFileAtomic(this.#file(record.id), JSON.stringify({ version: VERSION, record }), 0o600);
      this.#written(record.id);
      return true;
    } catch (error) {
      const { message, cause } = error as Error;
      const why = cause instanceof Error ? `${message}: ${cause.message}` : message;
      if (this.#failed.size === 0) this.#tell(`records are kept in memory and in the kernel alone: ${why}`);
      this.#failed.set(record.id, why);
      return false;
    }
  }

  #written(id: string): void {
    if (this.#failed.delete(id) && this.#failed.size === 0) this.#tell('all records are on disk again');
  }

  remove(id: string): void {
    this.#written(id);
    rmSync(this.#file(id), { force: true });
  }

  /**
   * What an earlier process left. Files that are not records of this version are told and left where they are.
   * @param complain is told of each, with why.
   */
  load(complain: (line: string) => void): ContainerRecord[] {
    return readdirSync(this.#directory).flatMap((name) => {
      const id = name.endsWith('.json') ? name.slice(0, -'.json'.length) : '';
      if (!ID.test(id)) {
        if (TORN.test(name)) rmSync(join(this.#directory, name), { force: true, recursive: true });
        return [];
      }
      try {
        return [this.#read(id)];
      } catch (error) {
        complain(`${name} in the state directory cannot be read: ${(error as Error).message}`);
        return [];
      }
    });
  }

  #read(id: string): ContainerRecord {
    const file = this.#file(id);
    if (statSync(file).size > MOST_BYTES) throw new Error('it is too large');
    const { version, record } = JSON.parse(readFileSync(file, 'utf8')) as { version: unknown; record: unknown };
    if (version !== VERSION) throw new Error(`it is of version ${version}, this is ${VERSION}`);
    if (!isRecord(record) || record.id !== id) throw new Error('it is not a record');
    return record;
  }

  #file(id: string): string {
    return join(this.#directory, `${id}.json`);
  }
}

/** Whatever is of this version was written by us and whole; this tells it from what somebody else has put there. */
function isRecord(value: unknown): value is ContainerRecord {
  const { recording, pod, past, ended, current } = (value ?? {}) as Partial<ContainerRecord>;
  const runs = [past, ...Object.values(current ?? {})];
  return (
    typeof recording?.uid === 'string' &&
    typeof pod?.uid === 'string' &&
    Array.isArray(ended) &&
    typeof current === 'object' &&
    current !== null &&
    runs.every((run) => Array.isArray(run?.calls) && Array.isArray(run.reasons))
  );
}
