/** Lines of `name: what it is for`, by group (see ../syscall-facts.ts). */
export const SYSTEM_FACTS = {
  time: `
    time: the time, in seconds
    gettimeofday: the time, in microseconds
    settimeofday: set the clock
    stime: set the clock (old form)
    ftime: the time (obsolete)
    clock_gettime: read a clock
    clock_getres: a clock's resolution
    clock_settime: set a clock
    clock_adjtime: steer a clock
    adjtimex: steer the system clock
    nanosleep: sleep
    clock_nanosleep: sleep by a given clock
    alarm: have a signal sent later
    getitimer: read an interval timer
    setitimer: set an interval timer
    timer_create: make a POSIX timer
    timer_delete: remove a POSIX timer
    timer_gettime: read a POSIX timer
    timer_settime: set a POSIX timer
    timer_getoverrun: how often a POSIX timer was missed
    timerfd_create: make a timer to wait on by descriptor
    timerfd_gettime: read such a timer
    timerfd_settime: set such a timer
  `,
  identity: `
    getuid: the user id
    geteuid: the effective user id
    getgid: the group id
    getegid: the effective group id
    getresuid: real, effective and saved user ids
    getresgid: real, effective and saved group ids
    getgroups: supplementary groups
    setuid: change the user id
    setgid: change the group id
    setreuid: change real and effective user ids
    setregid: change real and effective group ids
    setresuid: change real, effective and saved user ids
    setresgid: change real, effective and saved group ids
    setfsuid: change the user id for file access
    setfsgid: change the group id for file access
    setgroups: change supplementary groups
    capget: read capabilities
    capset: change capabilities
  `,
  confinement: `
    seccomp: restrict the own system calls
    landlock_create_ruleset: begin a set of Landlock rules
    landlock_add_rule: add to it
    landlock_restrict_self: put it in force
    lsm_get_self_attr: own attributes of the security modules
    lsm_set_self_attr: change them
    lsm_list_modules: list security modules
    unshare: leave shared namespaces for new ones
    setns: enter another namespace
    listns: list namespaces
    add_key: put a key into a keyring
    request_key: look a key up
    keyctl: manage keys and keyrings
  `,
  information: `
    uname: kernel version and host name
    olduname: kernel version (old form)
    oldolduname: kernel version (oldest form)
    sysinfo: memory, load and uptime
    getrandom: random numbers
    syslog: read or control the kernel's log
  `,
  'kernel administration': `
    acct: record every process that ends
    bpf: load programs and maps into the kernel
    perf_event_open: measure and trace
    init_module: load a kernel module
    finit_module: load a kernel module from a file
    delete_module: unload a kernel module
    create_module: load a kernel module (removed)
    query_module: ask about modules (removed)
    get_kernel_syms: list kernel symbols (removed)
    kexec_load: load another kernel to start
    kexec_file_load: load another kernel to start, from a file
    reboot: restart or halt the machine
    ioperm: open ports of the hardware
    iopl: open all ports of the hardware
    vhangup: hang up the terminal
    _sysctl: kernel parameters (removed)
    bdflush: control of writing back (removed)
    pciconfig_iobase: PCI addresses
    pciconfig_read: read a PCI device's configuration
    pciconfig_write: write a PCI device's configuration
  `,
  unimplemented: `
    afs_syscall: reserved for AFS
    break: reserved
    getpmsg: reserved for STREAMS
    gtty: reserved
    mpx: reserved
    prof: reserved
    profil: reserved
    putpmsg: reserved for STREAMS
    security: reserved for security modules
    stty: reserved
    tuxcall: reserved for the TUX web server
    vserver: reserved for Linux-VServer
  `,
} as const;
