import { writeSync } from 'node:fs';

/**
 * Writes all of `text` to a standard stream, at once. process.stdout would make a pipe non-blocking, and the recorded
 * command shares it: its own writes would then fail with EAGAIN.
 */
export function writeAll(fd: 1 | 2, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Somebody else made it non-blocking (EAGAIN): the reader will catch up. A reader that has gone is not an error.
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
    }
  }
}

/** A line for the person at the terminal, on standard error. */
export function complain(line: string): void {
  writeAll(2, `syscribe: ${line}\n`);
}
