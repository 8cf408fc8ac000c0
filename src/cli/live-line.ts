import { isatty } from 'node:tty';
import { styleText } from 'node:util';
import type { Recording } from '../recording/recording.ts';
import { writeAll } from './output.ts';

const ERASE_LINE = '\r\u001B[K';
const REFRESH = 250; // milliseconds

function seconds(milliseconds: number): string {
  const whole = Math.floor(milliseconds / 1000);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/**
 * One line on the terminal that follows the recording; nothing where standard error is none.
 * @returns what takes it away.
 */
export function showProgress(session: Recording): () => void {
  if (!isatty(2)) return () => {};
  const draw = () => {
    const { syscalls, processes, quiet } = session.progress();
    const text = `recording: ${syscalls} syscalls, ${processes} processes, last new one ${seconds(quiet)} ago`;
    writeAll(2, `${ERASE_LINE}${styleText('dim', text.slice(0, Math.max(20, (process.stderr.columns || 80) - 1)))}`);
  };
  const timer = setInterval(draw, REFRESH);
  draw();
  return () => {
    clearInterval(timer);
    writeAll(2, ERASE_LINE);
  };
}
