import { readFileSync } from 'node:fs';
import type { LogPosition } from '../capture/audit/log-file.ts';
import { SyscribeError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';

const VERSION = 1;

/**
 * Reads where the last run stopped.
 * @returns undefined when the file does not exist.
 * @throws SyscribeError ERR_FILE_READ for one that cannot be read or is no position.
 */
export function readPosition(file: string): LogPosition | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new SyscribeError('ERR_FILE_READ', `cannot read ${file}`, { cause, remedy: 'Check its permissions.' });
  }
  const position = parse(text);
  if (position) return position;
  throw new SyscribeError('ERR_FILE_READ', `${file} is not a position in an audit log`, {
    remedy: 'Remove it to begin at the end of the log, or with --from-start at its beginning.',
  });
}

/** @throws SyscribeError ERR_FILE_WRITE */
export function writePosition(file: string, { inode, offset, head }: LogPosition): void {
  writeFileAtomic(file, `${JSON.stringify({ version: VERSION, inode, offset, head })}\n`, 0o600);
}

function parse(text: string): LogPosition | undefined {
  try {
    const value = JSON.parse(text);
    return value?.version === VERSION ? positionOf(value) : undefined;
  } catch {
    return undefined;
  }
}

/** A position as it was written to a file; undefined for what is none. */
export function positionOf(value: unknown): LogPosition | undefined {
  const { inode, offset, head } = (value ?? {}) as { [K in keyof LogPosition]?: LogPosition[K] };
  if (typeof inode !== 'string' || !isWhole(offset) || !isWhole(head?.length) || head.length > 256) return undefined;
  if (!/^[0-9a-f]{64}$/.test(head.sha256)) return undefined;
  return { inode, offset, head: { length: head.length, sha256: head.sha256 } };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
