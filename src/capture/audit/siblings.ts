import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A file of a rotated log: the log itself or an older one beside it. */
export interface LogFileEntry {
  readonly path: string;
  readonly inode: string;
  readonly size: number;
  /** Milliseconds since the epoch of its last write. */
  readonly modified: number;
}

const LOOKS = 100;
const COMPRESSED = /\.(?:gz|bz2|xz|zst|lz4|Z)$/;

/** `dev:ino`: what tells a file whatever its name. */
export function inodeOf(stats: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${stats.dev}:${stats.ino}`;
}

/** The log at `path`; undefined while there is none. */
export function logFile(path: string): LogFileEntry | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (!stats?.isFile()) return undefined;
  return { path, inode: inodeOf(stats), size: Number(stats.size), modified: Number(stats.mtimeMs) };
}

/** A log and what it was rotated into. */
export interface LogFiles {
  /** Absent while there is no file of the log's own name. */
  readonly current: LogFileEntry | undefined;
  /** `audit.log.1`, `audit.log-20240405` (auditd, logrotate), oldest first; compressed ones cannot be gone on in. */
  readonly rotated: readonly LogFileEntry[];
}

/** The files as they were at one moment: auditd renames them one after another, and a look in between sees some twice. */
export function logFiles(path: string): LogFiles {
  let files = look(path);
  for (let again = 0; again < LOOKS; again++) {
    const before = files;
    files = look(path);
    if (sameNames(before, files)) break;
  }
  return files;
}

function look(path: string): LogFiles {
  const name = basename(path);
  let names: string[];
  try {
    names = readdirSync(dirname(path));
  } catch {
    names = [];
  }
  const rotated = names
    .filter((other) => (other.startsWith(`${name}.`) || other.startsWith(`${name}-`)) && !COMPRESSED.test(other))
    .flatMap((other) => logFile(join(dirname(path), other)) ?? [])
    .sort((a, b) => a.modified - b.modified || number(b.path) - number(a.path));
  return { current: logFile(path), rotated };
}

function sameNames(one: LogFiles, other: LogFiles): boolean {
  const names = ({ current, rotated }: LogFiles) =>
    [current, ...rotated].map((entry) => `${entry?.inode} ${entry?.path}`).sort();
  return names(one).join('\n') === names(other).join('\n');
}

/** Of two that were written last in the same moment, `.2` is older than `.1`. */
function number(path: string): number {
  return Number(/\.(\d+)$/.exec(path)?.[1] ?? 0);
}
