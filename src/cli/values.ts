import { InvalidArgumentError, Option } from 'commander';

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

/** A moment as milliseconds since the epoch: a time ago (`10m`), or ISO 8601 (local time where no zone is given). */
export function parseSince(text: string): number {
  if (/^\d+(?:\.\d+)?(?:ms|s|m|h|d)$/.test(text)) return Date.now() - parseLongDuration(text);
  const time = Date.parse(text);
  if (!Number.isNaN(time) && /^\d{4}-/.test(text)) return time;
  throw new InvalidArgumentError('A time ago such as 10m, 2h or 3d, or a date such as 2024-04-05T10:11:12Z.');
}

/** As {@link parseDuration}, with days, and as long as anybody likes. */
export function parseLongDuration(text: string): number {
  const days = /^(\d+(?:\.\d+)?)d$/.exec(text);
  return days ? Number(days[1]) * 86_400_000 : parseDuration(text);
}

const SIZES = { '': 1, k: 1 << 10, M: 1 << 20, G: 1 << 30 } as const;

/** A size in bytes, or with k, M or G (1024 each). */
export function parseSize(text: string): number {
  const match = /^(\d+)(k|M|G)?i?B?$/.exec(text);
  const bytes = match ? Number(match[1]) * SIZES[(match[2] ?? '') as keyof typeof SIZES] : 0;
  if (bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
  throw new InvalidArgumentError('A size such as 500k, 100M or 1G.');
}

export function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0 && count <= 1_000_000) return count;
  throw new InvalidArgumentError('A number from 1 on.');
}

/** `PORT`, `HOST:PORT` or `[IPV6]:PORT`; without a host, this machine alone. */
export function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match && port > 0 && port < 65_536) return { host: match[1] ?? match[2] ?? '127.0.0.1', port };
  throw new InvalidArgumentError('A port, or an address such as 127.0.0.1:9090, [::1]:9090 or 0.0.0.0:9090.');
}

export function parseBoolean(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new InvalidArgumentError('true or false.');
}

/** An option that takes an address; by default `port` at all of this machine's. */
export function addressOption(flags: string, description: string, port: number): Option {
  return new Option(flags, description).argParser(parseAddress).default({ host: '0.0.0.0', port }, `0.0.0.0:${port}`);
}

/** An option that takes a time; the help shows the default as people write it. */
export function durationOption(flags: string, description: string, preset: string): Option {
  return new Option(flags, description).argParser(parseDuration).default(parseDuration(preset), preset);
}
