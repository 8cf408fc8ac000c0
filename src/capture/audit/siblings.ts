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

/**
 * What the log was rotated into (auditd and logrotate: `audit.log.1`, `audit.log-20240405`), oldest first. Compressed ones
 * cannot be gone on in and are left out.
 */
export function rotatedFiles(path: string): LogFileEntry[] {
  const name = basename(path);
  let names: string[];
  try {
    names = readdirSync(dirname(path));
  } catch {
    return [];
  }
  return names
    .filter((other) => (other.startsWith(`${name}.`) || other.startsWith(`${name}-`)) && !COMPRESSED.test(other))
    .flatMap((other) => logFile(join(dirname(path), other)) ?? [])
    .sort((a, b) => a.modified - b.modified || number(b.path) - number(a.path));
}

/** Of two that were written last in the same moment, `.2` is older than `.1`. */
function number(path: string): number {
  return Number(/\.(\d+)$/.exec(path)?.[1] ?? 0);
}
