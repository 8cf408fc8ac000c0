import { execFileSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const CGROUP2_SUPER_MAGIC = 0x63677270;
const BUILD_RUNC = fileURLToPath(new URL('build-runc.sh', import.meta.url));

/** An OCI runtime under test. */
export interface Runtime {
  readonly name: string;
  /** As `syscribe record --runtime` takes it. */
  readonly kind: 'runc' | 'crun';
  /** The command line that its arguments are added to; builds or looks for what it needs. */
  readonly command: () => readonly string[];
}

let newestRunc: string | undefined;

function buildRunc(): string {
  newestRunc ??= execFileSync(BUILD_RUNC, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
  return newestRunc;
}

/** crun refuses a host that has v1 hierarchies beside v2, so it gets a view with v2 alone. */
function crun(): string[] {
  if (statfsSync('/sys/fs/cgroup').type === CGROUP2_SUPER_MAGIC) return ['crun'];
  const script = 'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec crun "$@"';
  return ['unshare', '--mount', 'sh', '-c', script, 'crun'];
}

export const RUNTIMES: readonly Runtime[] = [
  { name: "Debian's runc", kind: 'runc', command: () => ['runc'] },
  { name: 'newest runc', kind: 'runc', command: () => [buildRunc()] },
  { name: 'crun', kind: 'crun', command: crun },
];
