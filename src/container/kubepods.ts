import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SyscribeError } from '../platform/errors.ts';
import { parseHierarchies } from './cgroup.ts';
import type { Hierarchy } from './hierarchy.ts';

/** kubelet's cgroups by driver: `kubepods` (cgroupfs) or `kubepods.slice` (systemd), with those of two QoS classes. */
const DRIVERS = [
  { all: 'kubepods', classes: ['burstable', 'besteffort'] },
  { all: 'kubepods.slice', classes: ['kubepods-burstable.slice', 'kubepods-besteffort.slice'] },
] as const;

/** `pod<UID>`, or `kubepods[-<class>]-pod<UID with _>.slice`. */
const POD = /^(?:kubepods-(?:[a-z]+-)?)?pod([0-9a-f_-]{32,36})(?:\.slice)?$/;

/** The directories whose children are pods' cgroups, and whose grandchildren are containers'. */
export interface PodCgroups extends Hierarchy {
  readonly roots: readonly string[];
}

/**
 * Where kubelet keeps pods' cgroups: in v2 where that is all there is, else in v1's pids, since kubelet makes its own on
 * hybrid hosts in the v1 hierarchies alone.
 * @param mount where the host's /sys/fs/cgroup is.
 * @param root kubelet's `cgroupRoot`.
 * @throws SyscribeError ERR_TARGET_NOT_FOUND where there are none.
 */
export function findPodCgroups(mount: string, root = '/'): PodCgroups {
  const hierarchy = hierarchyAt(mount);
  const base = join(hierarchy.path, root);
  for (const { all, classes } of DRIVERS) {
    const roots = [all, ...classes.map((name) => join(all, name))].map((name) => join(base, name));
    if (existsSync(roots[0] as string)) return { ...hierarchy, roots: roots.filter((path) => existsSync(path)) };
  }
  throw new SyscribeError('ERR_TARGET_NOT_FOUND', `no pods' cgroups below ${base}`, {
    remedy: "Give the kubelet's cgroupRoot, and where the host's /sys/fs/cgroup is mounted.",
  });
}

function hierarchyAt(mount: string): Hierarchy {
  if (existsSync(join(mount, 'cgroup.controllers'))) return { path: mount, number: 0, controller: '' };
  const number = parseHierarchies(readFileSync('/proc/self/cgroup', 'utf8')).get('pids');
  const path = join(mount, 'pids');
  if (number !== undefined && existsSync(path)) return { path, number, controller: 'pids' };
  throw new SyscribeError('ERR_TARGET_NOT_FOUND', `neither cgroup v2 nor v1's pids controller is at ${mount}`, {
    remedy: "Say where the host's /sys/fs/cgroup is mounted.",
  });
}

/** The UID of the pod whose cgroup has this name; that of a static pod is its manifest's hash. */
export function podOfName(name: string): string | undefined {
  return POD.exec(name)?.[1]?.replaceAll('_', '-');
}

export interface CgroupDirectory {
  readonly path: string;
  readonly name: string;
  readonly id: bigint;
}

/** The cgroups right below a directory; those that go meanwhile are left out. */
export function childCgroups(path: string): CgroupDirectory[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
      const directory = join(path, entry.name);
      const id = entry.isDirectory() ? cgroupId(directory) : undefined;
      return id === undefined ? [] : [{ path: directory, name: entry.name, id }];
    });
  } catch {
    return [];
  }
}

/** @returns undefined where it is gone. */
export function cgroupId(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
