const ID = '[0-9a-f]{64}';
/**
 * Directory names of containers' cgroups: the bare id (cgroupfs driver: docker, containerd, CRI-O), with podman's prefix,
 * a systemd scope with its engine's, and what containerd makes of a systemd-style path without systemd
 * (`…:cri-containerd:ID`).
 */
const CONTAINER = new RegExp(
  `^(?:(?:docker|libpod|cri-containerd|containerd|nerdctl|crio|buildkit)-)?(${ID})(?:\\.scope)?$|:(${ID})$`,
);
/** Runtimes that are used without an engine: the id is whatever the user chose. */
const RUNTIME_SCOPE = /^(?:runc|crun|youki)-([A-Za-z0-9][A-Za-z0-9_.+-]*)\.scope$/;

/**
 * The id of the container whose cgroup a directory of this name is; undefined for any other. conmon's own scopes
 * (`crio-conmon-ID.scope`, `libpod-conmon-ID.scope`) are none.
 */
export function containerOfName(name: string): string | undefined {
  const match = CONTAINER.exec(name);
  return match?.[1] ?? match?.[2] ?? RUNTIME_SCOPE.exec(name)?.[1];
}

/** The container of a cgroup path: the outermost, to which what is nested in it belongs (kind, Docker in Docker). */
export function containerOfPath(path: string): string | undefined {
  for (const name of path.split('/')) {
    const id = containerOfName(name);
    if (id !== undefined) return id;
  }
  return undefined;
}

/**
 * The container in the text of /proc/PID/cgroup: by v2's line where that has one, else by any v1 controller's. A hybrid
 * host has both, and runtimes that know only one.
 */
export function containerOfProcess(cgroups: string): string | undefined {
  let found: string | undefined;
  for (const line of cgroups.split('\n')) {
    const path = line.replace(/^\d+:[^:]*:/, '');
    const id = containerOfPath(path);
    if (id !== undefined && line.startsWith('0::')) return id;
    found ??= id;
  }
  return found;
}
