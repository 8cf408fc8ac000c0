import { ProfileError } from '../error.ts';
import { sortedUnique } from './canonical.ts';

export const RUNTIMES = ['none', 'runc', 'crun', 'youki'] as const;
/** Whose calls between loading the filter and the workload's execve a profile has to allow. */
export type Runtime = (typeof RUNTIMES)[number];

/** What the init process of one version called after its filter was loaded, execve included. */
interface Tail {
  readonly version: string;
  /** With no_new_privileges the filter can be loaded last. */
  readonly noNewPrivileges: readonly string[];
  /** Without, loading it takes CAP_SYS_ADMIN: it is loaded first, and giving up privileges comes under it. */
  readonly privileged: readonly string[];
  /** What `exec` into a running container calls besides (`kubectl exec`, exec probes). */
  readonly exec: { readonly noNewPrivileges: readonly string[]; readonly privileged: readonly string[] };
}

const words = (text: string): string[] => text.trim().split(/\s+/);

const RUNC_PRIVILEGED = words(`
  capget capset chdir close epoll_ctl execve faccessat2 fchown fcntl fstat fstatfs futex getcwd getdents64 getpid getppid
  newfstatat openat prctl read rt_sigreturn setgid setgroups setuid write
`);
/** From 1.2 on: safe opening of /proc (openat2, statx), and setuid on all threads (tgkill). */
const NEW_RUNC_PRIVILEGED = [...RUNC_PRIVILEGED, ...words('close_range openat2 statx tgkill')];
const NEW_RUNC = words('close execve fcntl fstat fstatfs futex getdents64 openat openat2 statx write');
const OLD_RUNC_EXEC = { noNewPrivileges: [], privileged: [] };
const NEW_RUNC_EXEC = { noNewPrivileges: [], privileged: words('faccessat fsconfig fsmount fsopen open_tree uname') };
const CRUN_EXEC_CALLS = words('capset fchown ioctl openat prctl read setgroups setresgid setresuid statx write');
const CRUN_EXEC = { noNewPrivileges: CRUN_EXEC_CALLS, privileged: CRUN_EXEC_CALLS };
/**
 * `pselect6` and `read`: between `crun create`, which every engine calls, and `crun start` it waits (in each of 12 starts of 1.8.1, and
 * in its newest source); `crun run` does not.
 */
const CRUN_PRIVILEGED = words(`
  capset close execve prctl pselect6 read rt_sigaction rt_sigprocmask setresgid setresuid write
`);

/**
 * Measured by strace on x86_64 (Linux 6.18, cgroup v2), user 0 and 1000, with and without a terminal, 16 to 36 runs of
 * each (12 of exec; crun 1.28 was not measured there): the calls of the thread that has the filter. The filter is loaded without TSYNC, so Go's other threads are not under it. Not in every run:
 * futex (runc with no_new_privileges), rt_sigreturn (Go's preemption by SIGURG), fchown (of stdio, if not owned).
 */
const TAILS: Partial<Record<Runtime, readonly Tail[]>> = {
  runc: [
    {
      version: '1.1.5',
      noNewPrivileges: words('close epoll_ctl execve fstatfs futex getdents64 getpid openat write'),
      privileged: RUNC_PRIVILEGED,
      exec: OLD_RUNC_EXEC,
    },
    {
      version: '1.1.14',
      noNewPrivileges: words('close epoll_ctl execve fcntl fstatfs futex getdents64 getpid openat write'),
      privileged: RUNC_PRIVILEGED,
      exec: OLD_RUNC_EXEC,
    },
    {
      version: '1.2.8',
      noNewPrivileges: [...NEW_RUNC, 'getpid'],
      privileged: NEW_RUNC_PRIVILEGED,
      exec: NEW_RUNC_EXEC,
    },
    { version: '1.3.6', noNewPrivileges: NEW_RUNC, privileged: NEW_RUNC_PRIVILEGED, exec: NEW_RUNC_EXEC },
    { version: '1.4.3', noNewPrivileges: NEW_RUNC, privileged: NEW_RUNC_PRIVILEGED, exec: NEW_RUNC_EXEC },
    { version: '1.5.2', noNewPrivileges: NEW_RUNC, privileged: NEW_RUNC_PRIVILEGED, exec: NEW_RUNC_EXEC },
  ],
  crun: [
    { version: '1.8.1', noNewPrivileges: words('close execve'), privileged: CRUN_PRIVILEGED, exec: CRUN_EXEC },
    {
      version: '1.28',
      noNewPrivileges: words('close close_range execve'),
      privileged: [...CRUN_PRIVILEGED, 'close_range'],
      exec: CRUN_EXEC,
    },
  ],
  // Built with its features v2 and seccomp; 8 starts. Without no_new_privileges it could load no filter into a container that
  // lacks CAP_SYS_ADMIN, so nothing is known of that.
  youki: [
    {
      version: '0.7.0',
      noNewPrivileges: words('accept4 close connect execve newfstatat openat recvfrom sendmsg socket statx'),
      privileged: [],
      exec: { noNewPrivileges: [], privileged: [] },
    },
  ],
};

export interface TailOptions {
  /** Of one measured version only; default: whatever any of them calls. */
  readonly version?: string;
  /** Whether the container runs with no_new_privileges; default: unknown, so both. */
  readonly noNewPrivileges?: boolean;
  /** Whether to add what `exec` into the running container calls; default: no. */
  readonly exec?: boolean;
}

/** What was not measured of a runtime, as a clause for a person; undefined: nothing is missing. */
export function unmeasured(runtime: Runtime): string | undefined {
  return runtime === 'youki' ? 'youki was measured with no_new_privileges alone' : undefined;
}

/** What a runtime called in some of its starts only: locks and preemption of the Go scheduler, owners of the terminal. */
export function varyingCalls(runtime: Runtime): readonly string[] {
  return runtime === 'runc' ? ['fchown', 'futex', 'rt_sigreturn'] : [];
}

/** The versions of a runtime that were measured, oldest first. */
export function measuredVersions(runtime: Runtime): readonly string[] {
  return (TAILS[runtime] ?? []).map((tail) => tail.version);
}

/**
 * The calls that a runtime makes between loading the filter and the workload's execve, sorted; none for `none`.
 * @throws ProfileError if the runtime, or that version of it, was not measured: nothing is guessed.
 */
export function runtimeTail(runtime: Runtime, options: TailOptions = {}): readonly string[] {
  if (runtime === 'none') return [];
  const { version, noNewPrivileges } = options;
  const tails = (TAILS[runtime] ?? []).filter((tail) => version === undefined || tail.version === version);
  if (tails.length === 0) {
    const measured = RUNTIMES.flatMap((name) => measuredVersions(name).map((one) => `${name} ${one}`)).join(', ');
    throw new ProfileError(
      `what ${[runtime, version].filter(Boolean).join(' ')} calls after loading a filter has not been measured ` +
        `(${measured} have): record a container that it starts`,
    );
  }
  const sets = tails.flatMap((tail) => (options.exec ? [tail, tail.exec] : [tail]));
  return sortedUnique(
    sets.flatMap((set) => [
      ...(noNewPrivileges === false ? [] : set.noNewPrivileges),
      ...(noNewPrivileges === true ? [] : set.privileged),
    ]),
  );
}
