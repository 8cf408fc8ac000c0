/** The part of a raw seccomp profile that a runtime's configuration takes as it is. */
export interface RawProfile {
  readonly defaultAction: string;
  readonly architectures?: readonly string[];
  readonly syscalls?: readonly { readonly names: readonly string[]; readonly action: string }[];
}

export interface ContainerSettings {
  /** Absolute path of the root file system; it is mounted read-only. */
  readonly root: string;
  readonly args: readonly string[];
  /** As the runtime takes it: absolute, below each hierarchy's root. */
  readonly cgroupsPath: string;
  readonly noNewPrivileges?: boolean;
  readonly seccomp?: RawProfile;
  /** User and group id; default 0. */
  readonly user?: number;
  /** Directories of the host to mount read-write, by their place in the container. */
  readonly binds?: Readonly<Record<string, string>>;
}

/** What Docker, containerd and CRI-O leave to a container's root user. */
const CAPABILITIES = (
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE ' +
  'SYS_CHROOT KILL AUDIT_WRITE'
)
  .split(' ')
  .map((name) => `CAP_${name}`);

const MOUNTS = [
  { destination: '/proc', type: 'proc', source: 'proc' },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
];

/**
 * A config.json of the OCI runtime specification, with what an engine would put in and namespaces all its own. No rules
 * for devices: crun loads a program for them, for which some machines give root no memory (RLIMIT_MEMLOCK).
 */
export function makeConfig(settings: ContainerSettings): object {
  const { root, args, cgroupsPath, noNewPrivileges = true, seccomp, user = 0, binds = {} } = settings;
  const capabilities = user === 0 ? CAPABILITIES : [];
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: user, gid: user },
      args,
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/'],
      cwd: '/',
      capabilities: { bounding: CAPABILITIES, effective: capabilities, permitted: capabilities },
      noNewPrivileges,
    },
    root: { path: root, readonly: true },
    hostname: 'container',
    mounts: [
      ...MOUNTS,
      ...Object.entries(binds).map(([destination, source]) => ({
        destination,
        type: 'bind',
        source,
        options: ['rbind', 'rw'],
      })),
    ],
    linux: {
      cgroupsPath,
      // A network namespace of its own: ports never collide, and the runtime brings its loopback up.
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
      ...(seccomp && { seccomp }),
    },
  };
}
