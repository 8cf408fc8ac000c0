import type { Machine } from '../../kernel/abi.ts';
import type { Profile, SyscallArg, SyscallRule } from './model.ts';

/** Where the facts are from; containerd has the same, some releases behind. */
export const RUNTIME_DEFAULT_SOURCE = 'github.com/moby/profiles/seccomp v0.3.0';

const ALLOWED = `
  _llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32
  clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
  clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1
  epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit
  exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2
  fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat
  fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait
  futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32
  geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid
  getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt
  gettid gettimeofday getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init inotify_init1
  inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl
  ioprio_get ioprio_set ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32
  lgetxattr link linkat listen listmount listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat lstat64
  madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2
  mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
  mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap
  name_to_handle_at nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc
  pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6
  pselect6_time64 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg
  recvmmsg_time64 recvmsg remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall
  riscv_hwprobe rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
  rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min
  sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
  sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop
  semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area
  set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid
  setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid
  setsockopt setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4
  sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statmount statx symlink symlinkat
  sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime
  timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime
  timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat
  utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev
`;

/** For CAP_SYS_CHROOT, the one capability of Docker's and containerd's default set that brings a call with it. */
const BY_CAPABILITY = 'chroot';

/** From Linux 4.8 on, where seccomp looks again at what a tracer changed. */
const BY_KERNEL = 'process_vm_readv process_vm_writev ptrace';

const BY_MACHINE: Record<Machine, { readonly architectures: readonly string[]; readonly names: string }> = {
  x86_64: { architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'], names: 'arch_prctl modify_ldt' },
  aarch64: {
    architectures: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
    names: 'arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls',
  },
};

/** Address families besides those below AF_AX25: neither AF_VSOCK (leads out of a virtual machine) nor AF_ALG. */
const FAMILIES = [
  7, 8, 9, 10, 13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 39, 41, 42, 43, 44, 45,
];
const FIRST_REFUSED_FAMILY = 3n;

/** Linux, with or without UNAME26 and ADDR_NO_RANDOMIZE as uname26(8) and Intel's compiler set them, and reading it. */
const PERSONALITIES = [0n, 8n, 0x20000n, 0x20008n, 0xffffffffn];

/** CLONE_NEW*, but CLONE_NEWTIME. */
const CLONE_NAMESPACES = 0x7e020000n;
const ENOSYS = 38;

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

function allow(name: string, op: SyscallArg['op'], value: bigint): SyscallRule {
  return { names: [name], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, op, value, valueTwo: 0n }] };
}

/** The profile that Docker and containerd give a container with no capability beyond their default set. */
export function runtimeDefault(machine: Machine): Profile {
  const { architectures, names } = BY_MACHINE[machine];
  return {
    name: 'runtime-default',
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures,
    flags: [],
    syscalls: [
      { names: words(`${ALLOWED} ${BY_CAPABILITY} ${BY_KERNEL} ${names}`), action: 'SCMP_ACT_ALLOW' },
      allow('socket', 'SCMP_CMP_LT', FIRST_REFUSED_FAMILY),
      ...FAMILIES.map((family) => allow('socket', 'SCMP_CMP_EQ', BigInt(family))),
      ...PERSONALITIES.map((personality) => allow('personality', 'SCMP_CMP_EQ', personality)),
      allow('clone', 'SCMP_CMP_MASKED_EQ', CLONE_NAMESPACES),
      // Its flags are in memory, where seccomp cannot look; libcs then take clone.
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
    ],
  };
}
