import { readFileSync, realpathSync, statfsSync, statSync } from 'node:fs';
import { SyscribeError } from '../platform/errors.ts';

const CGROUP2_SUPER_MAGIC = 0x63677270;
const CGROUP_SUPER_MAGIC = 0x27e0eb;

/** A cgroup directory and what the kernel knows it by. */
export interface Cgroup {
  /** Absolute path of its directory. */
  readonly path: string;
  /** kernfs id: the directory's inode number; unique only inside its hierarchy. */
  readonly id: bigint;
  /** As in /proc/PID/cgroup; 0 is v2. */
  readonly hierarchy: number;
  /** A v1 controller of the hierarchy, empty for v2. */
  readonly controller: string;
}

export interface CgroupMount {
  readonly path: string;
  readonly version: 1 | 2;
  /** v1: the controllers, `name=…` ones too. */
  readonly controllers: readonly string[];
}

/** The cgroup mounts in a /proc/PID/mountinfo text (proc_pid_mountinfo(5)); octal escapes in paths are undone. */
export function parseCgroupMounts(mountinfo: string): CgroupMount[] {
  const mounts: CgroupMount[] = [];
  for (const line of mountinfo.split('\n')) {
    const [left, right] = line.split(' - ', 2);
    const path = left
      ?.split(' ')[4]
      ?.replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
    const [type, , options] = right?.split(' ') ?? [];
    if (path === undefined) continue;
    if (type === 'cgroup2') mounts.push({ path, version: 2, controllers: [] });
    if (type === 'cgroup') mounts.push({ path, version: 1, controllers: (options ?? '').split(',') });
  }
  return mounts;
}

/** Hierarchy numbers by controller in a /proc/PID/cgroup text: lines `number:controllers:path`. */
export function parseHierarchies(cgroups: string): Map<string, number> {
  const hierarchies = new Map<string, number>();
  for (const line of cgroups.split('\n')) {
    const [number, controllers] = line.split(':', 2);
    if (!number || controllers === undefined) continue;
    for (const controller of controllers.split(',')) hierarchies.set(controller, Number(number));
  }
  return hierarchies;
}

/**
 * The cgroup at a directory of a cgroup file system.
 * @throws SyscribeError ERR_TARGET_NOT_FOUND when it is none, or one of a v1 hierarchy without a controller.
 */
export function openCgroup(directory: string): Cgroup {
  let path: string;
  let type: number;
  try {
    path = realpathSync(directory);
    type = statfsSync(path).type;
    if (!statSync(path).isDirectory()) type = 0;
  } catch (cause) {
    throw new SyscribeError('ERR_TARGET_NOT_FOUND', `cannot open the cgroup ${directory}`, {
      cause,
      remedy: 'Give the path of an existing directory, such as /sys/fs/cgroup/system.slice/nginx.service.',
    });
  }
  const id = statSync(path, { bigint: true }).ino;
  if (type === CGROUP2_SUPER_MAGIC) return { path, id, hierarchy: 0, controller: '' };
  if (type !== CGROUP_SUPER_MAGIC)
    throw new SyscribeError('ERR_TARGET_NOT_FOUND', `${directory} is not a cgroup: it is not in a cgroup file system`, {
      remedy: 'Cgroups are below /sys/fs/cgroup.',
    });
  const hierarchies = parseHierarchies(readFileSync('/proc/self/cgroup', 'utf8'));
  const mount = parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'))
    .filter((candidate) => candidate.version === 1 && `${path}/`.startsWith(`${candidate.path}/`))
    .at(-1);
  const controller = mount?.controllers.find((name) => !name.startsWith('name=') && hierarchies.has(name));
  const hierarchy = controller === undefined ? undefined : hierarchies.get(controller);
  if (controller === undefined || hierarchy === undefined)
    throw new SyscribeError('ERR_TARGET_NOT_FOUND', `${directory} belongs to a hierarchy without a controller`, {
      remedy: 'Give the same cgroup under /sys/fs/cgroup/pids, or below the v2 mount.',
    });
  return { path, id, hierarchy, controller };
}

/** The cgroup's path from the root of its hierarchy on, as /proc/PID/cgroup shows it; empty for the root itself. */
export function cgroupPathWithin(cgroup: Cgroup): string {
  const mounts = parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  const mount = mounts.findLast(({ path }) => cgroup.path === path || cgroup.path.startsWith(`${path}/`));
  return cgroup.path.slice(mount?.path.length ?? 0);
}

/** Whether a /proc/PID/cgroup text is of a process in the cgroup, or below it. */
export function isWithin(cgroups: string, cgroup: Cgroup, within: string): boolean {
  return cgroups.split('\n').some((line) => {
    const [number, , ...path] = line.split(':');
    const own = path.join(':');
    return Number(number) === cgroup.hierarchy && (own === within || own.startsWith(`${within}/`));
  });
}
