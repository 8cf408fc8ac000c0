import Table from 'cli-table3';
import { type Paint, printable } from '../render-style.ts';

const NONE = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
};
const PLAIN = {
  ...NONE,
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
};

/** Columns as kubectl has them. What comes from the cluster is made harmless to a terminal. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string {
  const made = new Table({
    chars: { ...PLAIN, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  made.push(
    head.map((name) => paint('bold', name)),
    ...rows.map((row) => row.map(printable)),
  );
  return `${made.toString().replace(/ +$/gm, '')}\n`;
}

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
] as const;

/** How long ago, as kubectl tells it: 5s, 3m, 2h, 4d. */
export function age(time: string | undefined, now: number): string {
  if (time === undefined) return '';
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000));
  const unit = UNITS.find(([, length]) => seconds >= length);
  return unit ? `${Math.floor(seconds / unit[1])}${unit[0]}` : `${seconds}s`;
}
