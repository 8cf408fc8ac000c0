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
export function writePosition(file: string, position: LogPosition): void {
  writeFileAtomic(file, `${JSON.stringify({ version: VERSION, ...position })}\n`, 0o600);
}

function parse(text: string): LogPosition | undefined {
  try {
    const { version, inode, offset, head } = JSON.parse(text);
    const whole = (value: unknown, limit: number) =>
      Number.isInteger(value) && Number(value) >= 0 && Number(value) <= limit;
    if (version !== VERSION || typeof inode !== 'string' || !whole(offset, Number.MAX_SAFE_INTEGER)) return undefined;
    if (!whole(head?.length, 256) || !/^[0-9a-f]{64}$/.test(head.sha256)) return undefined;
    return { inode, offset, head: { length: head.length, sha256: head.sha256 } };
  } catch {
    return undefined;
  }
}
