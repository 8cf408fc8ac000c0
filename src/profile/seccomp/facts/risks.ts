/** Lines of `name: what an attacker can do with it`, where allowing it says something about the container's safety. */
export const RISKS = `
  acct: needs CAP_SYS_PACCT; writes to a file as the kernel
  add_key: keyrings are not confined to a container
  keyctl: keyrings are not confined to a container
  request_key: may start a helper outside the container; keyrings are not confined to it
  bpf: reads kernel memory and attaches to everything, with CAP_BPF
  chroot: with CAP_SYS_CHROOT and an open directory it leads out of a chroot
  clone: with CLONE_NEWUSER it opens kernel code that otherwise only root reaches
  clone3: as clone, and seccomp cannot look at its flags, which are in memory
  create_module: loads code into the kernel
  delete_module: unloads code of the kernel
  init_module: loads code into the kernel: gives the machine away
  finit_module: loads code into the kernel: gives the machine away
  fanotify_init: sees the accesses of others to files, with CAP_SYS_ADMIN
  fsconfig: mounts with attacker-chosen parameters: often the way out in kernel bugs
  fsmount: makes mounts
  fsopen: opens the file systems' parameter parsers, with CAP_SYS_ADMIN in any user namespace
  fspick: changes mounted file systems
  get_kernel_syms: tells kernel addresses
  io_uring_enter: what goes through the rings passes by seccomp, and by the recording
  io_uring_register: what goes through the rings passes by seccomp, and by the recording
  io_uring_setup: what goes through the rings (open, connect, send and more) passes by seccomp, and by the recording
  ioctl: every driver's own calls; without conditions on the request, all of them (TIOCSTI types into the terminal)
  ioperm: reaches hardware past the kernel, with CAP_SYS_RAWIO
  iopl: reaches hardware past the kernel, with CAP_SYS_RAWIO
  kcmp: tells kernel pointers' order of processes that may be traced
  kexec_file_load: replaces the kernel
  kexec_load: replaces the kernel
  lookup_dcookie: tells paths outside the container
  memfd_create: with execveat it runs code that is in no file
  mknod: with CAP_MKNOD it makes device nodes
  mknodat: with CAP_MKNOD it makes device nodes
  modify_ldt: 16-bit segments: a source of kernel bugs
  mount: changes what files are seen, with CAP_SYS_ADMIN
  mount_setattr: changes mounts, such as read-only to writable
  move_mount: changes what files are seen
  name_to_handle_at: half of the way out of a container by handles
  open_by_handle_at: opens any file of the file system by a guessed handle, with CAP_DAC_READ_SEARCH
  open_tree: copies trees of mounts
  open_tree_attr: copies trees of mounts
  perf_event_open: tells kernel addresses and timing; a large source of kernel bugs
  personality: can turn address randomisation off for what is executed next
  pidfd_getfd: takes descriptors out of processes that may be traced
  pivot_root: changes the root file system
  process_vm_readv: reads the memory of processes that may be traced
  process_vm_writev: writes the memory of processes that may be traced
  ptrace: controls processes that may be traced; before Linux 4.8 it passed by seccomp
  quotactl: changes quotas, with CAP_SYS_ADMIN
  reboot: stops the machine, with CAP_SYS_BOOT
  sethostname: changes the name of the host, unless in a namespace of its own
  setdomainname: changes the name of the host's domain, unless in a namespace of its own
  setns: enters other namespaces, with CAP_SYS_ADMIN
  settimeofday: changes the clock of the whole machine
  clock_settime: changes the clock of the whole machine
  clock_adjtime: steers the clock of the whole machine, with CAP_SYS_TIME
  adjtimex: steers the clock of the whole machine, with CAP_SYS_TIME
  stime: changes the clock of the whole machine
  swapoff: changes swapping of the whole machine
  swapon: changes swapping of the whole machine
  syslog: tells kernel addresses and others' messages
  umount: uncovers what a mount hides
  umount2: uncovers what a mount hides
  unshare: with CLONE_NEWUSER it opens kernel code that otherwise only root reaches
  uselib: old code, hardly tested
  userfaultfd: stops the kernel in the middle of a copy, which makes races in it easy to win
  vm86: old code, hardly tested
  vm86old: old code, hardly tested
  vmsplice: a source of kernel bugs that write to files open for reading
  splice: a source of kernel bugs that write to files open for reading
`;
