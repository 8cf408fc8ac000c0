import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseCgroupMounts, parseHierarchies } from './cgroup.ts';

const MAX_DEPTH = 32;

/** The cgroup hierarchy by which containers are told. */
export interface Hierarchy {
  readonly path: string;
  /** As in /proc/PID/cgroup; 0 is v2. */
  readonly number: number;
  /** A v1 controller of it, empty for v2. */
  readonly controller: string;
}

/**
 * v2 where it is mounted, on hybrid hosts too (runc puts its containers into both); else v1's pids.
 * @returns undefined where neither is mounted.
 */
export function containerHierarchy(): Hierarchy | undefined {
  const mounts = parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  const unified = mounts.find(({ version }) => version === 2);
  if (unified) return { path: unified.path, number: 0, controller: '' };
  const pids = mounts.find(({ controllers }) => controllers.includes('pids'));
  const number = parseHierarchies(readFileSync('/proc/self/cgroup', 'utf8')).get('pids');
  return pids && number !== undefined ? { path: pids.path, number, controller: 'pids' } : undefined;
}

/** Every cgroup below a directory: its id, its parent's and its name. */
export function* walkCgroups(path: string, parent = 0, name = '', depth = 0): Generator<[number, number, string]> {
  let id: number;
  let entries: Dirent[];
  try {
    id = Number(statSync(path, { bigint: true }).ino);
    entries = readdirSync(path, { withFileTypes: true });
  } catch {
    return; // Removed meanwhile.
  }
  yield [id, parent, name];
  if (depth === MAX_DEPTH) return;
  for (const entry of entries)
    if (entry.isDirectory()) yield* walkCgroups(join(path, entry.name), id, entry.name, depth + 1);
}
