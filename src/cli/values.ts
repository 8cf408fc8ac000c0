import { InvalidArgumentError } from 'commander';

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** A time such as `30s`, `1.5m` or `2h` in milliseconds; a bare number is seconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const milliseconds = match ? Number(match[1]) * UNITS[(match[2] ?? 's') as keyof typeof UNITS] : 0;
  // setInterval() takes 31 bits.
  if (milliseconds >= 1 && milliseconds < 2 ** 31) return milliseconds;
  throw new InvalidArgumentError('A time such as 500ms, 30s, 5m or 2h, at most 24 days.');
}

export function parsePid(text: string): number {
  const pid = Number(text);
  if (Number.isInteger(pid) && pid > 0 && pid <= 0x400000) return pid;
  throw new InvalidArgumentError('A process id.');
}

/** Names separated by commas or blanks. */
export function parseList(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}
