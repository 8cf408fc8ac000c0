import { readFileSync, rmSync } from 'node:fs';
import type { Serials } from '../../../capture/audit/gaps.ts';
import type { Continuation } from '../../../capture/audit/log-file.ts';
import { writeFileAtomic } from '../../../platform/files.ts';
import { positionOf } from '../../../stream/position-file.ts';

const VERSION = 1;
const BOOT_ID = '/proc/sys/kernel/random/boot_id';
/** Containers that are named as done with, at most. */
export const MOST_NAMED = 200;

/** How far the audit log was read when all that matters of it was on disk. */
export interface Checkpoint {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Absent where the source cannot go back, and of an earlier boot. */
  readonly position?: Continuation;
  /** The kernel's count of lost records then; absent where it may not be asked. */
  readonly kernelLost?: number;
  /** Containers that ended shortly before, and are recorded. */
  readonly done: readonly string[];
}

/** A checkpoint on disk, for the next process of the agent. */
export class CheckpointFile {
  readonly #path: string;
  readonly #boot: string;

  /** @param boot the kernel's id of this boot: its processes, numbers and counts begin anew with the next. */
  constructor(path: string, boot = readFileSync(BOOT_ID, 'utf8').trim()) {
    this.#path = path;
    this.#boot = boot;
  }

  /**
   * @returns undefined where there is none.
   * @throws where it cannot be read, or is something else.
   */
  read(): Checkpoint | undefined {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const { version, boot, time, done, position, kernelLost } = JSON.parse(text) ?? {};
    if (version !== VERSION || !Number.isFinite(time) || !areTexts(done)) throw new Error('it is not a checkpoint');
    const past = { time, done };
    if (boot !== this.#boot) return past;
    const continued = continuationOf(position);
    return {
      ...past,
      ...(continued && { position: continued }),
      ...(Number.isSafeInteger(kernelLost) && { kernelLost }),
    };
  }

  /** @throws SyscribeError ERR_FILE_WRITE */
  write(checkpoint: Checkpoint): void {
    writeFileAtomic(this.#path, JSON.stringify({ version: VERSION, boot: this.#boot, ...checkpoint }), 0o600);
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }
}

function continuationOf(value: { readonly serials?: unknown } | undefined): Continuation | undefined {
  const position = positionOf(value);
  const serials = serialsOf(value?.serials);
  return position && { ...position, ...(serials && { serials }) };
}

function serialsOf(value: unknown): Serials | undefined {
  const { last, missing } = (value ?? {}) as { [K in keyof Serials]?: Serials[K] };
  if (!Number.isSafeInteger(last) || !Array.isArray(missing) || !missing.every(Number.isSafeInteger)) return undefined;
  return { last: Number(last), missing };
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= MOST_NAMED && value.every((text) => typeof text === 'string');
}
