import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SyscribeError } from '../platform/errors.ts';
import { type Cgroup, openCgroup, parseCgroupMounts } from './cgroup.ts';

/**
 * The container id in the name of a cgroup directory: bare (cgroupfs driver, runc, crun) or as a systemd scope with the
 * engine's prefix (docker-ID.scope, libpod-ID.scope, cri-containerd-ID.scope, crio-ID.scope, runc-ID.scope). Podman's
 * and CRI-O's conmon live in a scope of their own beside it, which is not the container.
 */
export function containerIdOf(directoryName: string): string | undefined {
  if (/conmon/.test(directoryName)) return undefined;
  const scope =
    /^(?:(?:docker|libpod|cri-containerd|nerdctl|crio|runc|crun)-)?([A-Za-z0-9][A-Za-z0-9_.+-]*)\.scope$/.exec(
      directoryName,
    );
  if (scope) return scope[1];
  return /\.(?:slice|service|mount|socket|swap)$/.test(directoryName) ? undefined : directoryName;
}

/** Directories of a cgroup tree whose container id starts with `prefix`; not those nested in one that matches. */
function search(root: string, prefix: string, found: Map<string, string[]>, depth = 0): void {
  if (depth > 12) return;
  let entries: Dirent[];
  try {
    entries = readdirSync(root, { withFileTypes: true });
  } catch {
    return; // Removed meanwhile.
  }
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const path = join(root, entry.name);
    const id = containerIdOf(entry.name);
    if (id?.startsWith(prefix)) found.set(id, [...(found.get(id) ?? []), path]);
    else search(path, prefix, found, depth + 1);
  }
}

/**
 * The cgroup of a running container, by its id or the start of it: in the v2 hierarchy where the runtime puts containers
 * there, else in v1's pids.
 * @throws SyscribeError ERR_TARGET_NOT_FOUND when there is none, or more than one.
 */
export function findContainer(prefix: string): Cgroup {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.+-]*$/.test(prefix))
    throw new SyscribeError('ERR_USAGE', `${JSON.stringify(prefix)} is not a container id`, {
      remedy:
        'Give the id, or its first characters, as runc list, crun list, crictl ps, docker ps or podman ps print it.',
    });
  const mounts = parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  const ordered = [
    ...mounts.filter((mount) => mount.version === 2),
    ...mounts.filter((mount) => mount.controllers.includes('pids')),
  ];
  for (const mount of ordered) {
    const found = new Map<string, string[]>();
    search(mount.path, prefix, found);
    const paths = found.get(prefix) ?? (found.size === 1 ? [...found.values()][0] : undefined);
    const [path] = paths ?? [];
    if (paths?.length === 1 && path !== undefined) return openCgroup(path);
    if (found.size > 0)
      throw new SyscribeError('ERR_TARGET_NOT_FOUND', `${found.size} containers match ${prefix}`, {
        remedy: `Give more of the id: ${[...found.keys()].slice(0, 5).join(', ')}; or the cgroup itself with --cgroup.`,
      });
  }
  throw new SyscribeError('ERR_TARGET_NOT_FOUND', `no running container has an id that starts with ${prefix}`, {
    remedy:
      'Check with runc list, crun list, crictl ps, docker ps or podman ps; or give its cgroup with --cgroup PATH.',
  });
}
