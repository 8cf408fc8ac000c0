/** Lines of `name: what it is for`, by group (see ../syscall-facts.ts). */
export const PROCESS_FACTS = {
  processes: `
    clone: make a process or thread
    clone3: as clone, with more settings
    fork: make a process
    vfork: make a process that runs before its parent
    execve: execute a program
    execveat: execute a program, relative to a directory or by descriptor
    exit: end the thread
    exit_group: end the process
    wait4: wait for a child
    waitid: wait for a child, with choices
    waitpid: wait for a child (old form)
    getpid: the process's id
    gettid: the thread's id
    getppid: the parent's id
    getpgid: a process's group
    getpgrp: the own process group
    setpgid: change a process's group
    getsid: a process's session
    setsid: start a session
    set_tid_address: where to clear the thread's id at its end
    pidfd_open: descriptor of a process
    pidfd_getfd: take a copy of another process's descriptor
    process_mrelease: free the memory of a dying process
    kcmp: whether two processes share a resource
    ptrace: trace and control another process
    process_vm_readv: read another process's memory
    process_vm_writev: write another process's memory
    prctl: settings of the process
    arch_prctl: settings of the process that the architecture has
    personality: emulate another system's behaviour
    getrlimit: read a resource limit
    ugetrlimit: read a resource limit
    setrlimit: set a resource limit
    prlimit64: read or set a process's resource limits
    ulimit: resource limits (never implemented)
    getrusage: time and memory used
    times: processor time used
    getcpu: the processor and NUMA node that runs the thread
    set_thread_area: set a segment for thread-local storage
    get_thread_area: read such a segment
    set_tls: set the thread pointer
    get_tls: read the thread pointer
    modify_ldt: change the segment table of the process
    rseq: register for restartable sequences
    rseq_slice_yield: end a time slice that was extended
    membarrier: order memory accesses of all threads
    vm86: run in virtual 8086 mode
    vm86old: run in virtual 8086 mode (old form)
    uretprobe: return from a probed function
    uprobe: enter a probed function
    breakpoint: stop in a debugger
    cacheflush: make written instructions visible
    usr26: switch to 26-bit mode (obsolete)
    usr32: switch to 32-bit mode (obsolete)
  `,
  scheduling: `
    nice: change the own priority (old form)
    getpriority: read a scheduling priority
    setpriority: change a scheduling priority
    sched_yield: let others run
    sched_getaffinity: which processors a thread may use
    sched_setaffinity: choose processors for a thread
    sched_getattr: read scheduling attributes
    sched_setattr: change scheduling attributes
    sched_getparam: read the real-time priority
    sched_setparam: change the real-time priority
    sched_getscheduler: read the scheduling policy
    sched_setscheduler: change the scheduling policy
    sched_get_priority_max: greatest priority of a policy
    sched_get_priority_min: least priority of a policy
    sched_rr_get_interval: time slice of a thread
    ioprio_get: read the priority for disks
    ioprio_set: change the priority for disks
    idle: become the idle task (obsolete)
  `,
  signals: `
    kill: send a signal to a process
    tkill: send a signal to a thread (old form)
    tgkill: send a signal to a thread
    pidfd_send_signal: send a signal by descriptor
    rt_sigqueueinfo: send a signal with data
    rt_tgsigqueueinfo: send a signal with data to a thread
    rt_sigaction: say what a signal does
    rt_sigprocmask: block or unblock signals
    rt_sigpending: signals that wait
    rt_sigsuspend: wait for a signal
    rt_sigtimedwait: wait for a signal, with a limit
    rt_sigreturn: return from a signal's handler
    sigaltstack: stack for signal handlers
    signalfd: receive signals by descriptor (old form)
    signalfd4: receive signals by descriptor
    sigaction: say what a signal does (old form)
    signal: say what a signal does (oldest form)
    sigprocmask: block or unblock signals (old form)
    sigpending: signals that wait (old form)
    sigsuspend: wait for a signal (old form)
    sigreturn: return from a signal's handler (old form)
    sgetmask: read the mask of signals (obsolete)
    ssetmask: set the mask of signals (obsolete)
    pause: wait for any signal
    restart_syscall: go on with a call that a stop interrupted
  `,
  memory: `
    brk: move the end of the heap
    mmap: map memory or a file
    mmap2: map memory or a file
    munmap: remove a mapping
    mremap: move or resize a mapping
    mprotect: change what a mapping allows
    pkey_mprotect: as mprotect, with a protection key
    pkey_alloc: take a protection key
    pkey_free: give a protection key back
    madvise: announce how memory will be used
    process_madvise: the same for another process's memory
    mincore: which pages are resident
    mlock: keep memory from being swapped out
    mlock2: as mlock, with flags
    mlockall: keep all memory from being swapped out
    munlock: undo mlock
    munlockall: undo mlockall
    msync: write a mapped file to disk
    mseal: forbid further changes of a mapping
    remap_file_pages: rearrange a mapping (obsolete)
    map_shadow_stack: make a shadow stack
    memfd_create: make a file that lives in memory
    memfd_secret: make memory that the kernel itself does not map
    userfaultfd: handle page faults in user space
    mbind: place a mapping on NUMA nodes
    get_mempolicy: read the NUMA placement
    set_mempolicy: change the NUMA placement
    set_mempolicy_home_node: preferred node of a mapping
    migrate_pages: move a process's memory between nodes
    move_pages: move single pages between nodes
  `,
  ipc: `
    futex: wait for and wake other threads (locks)
    futex_wait: wait on a lock word
    futex_wake: wake those who wait on a lock word
    futex_waitv: wait on several lock words
    futex_requeue: move waiters to another lock word
    set_robust_list: locks to release if the thread dies
    get_robust_list: read that list
    ipc: all System V IPC calls in one (older i386 programs)
    msgget: open a System V message queue
    msgsnd: send to a System V message queue
    msgrcv: receive from a System V message queue
    msgctl: control a System V message queue
    semget: open System V semaphores
    semop: change System V semaphores
    semtimedop: change System V semaphores, with a limit
    semctl: control System V semaphores
    shmget: open System V shared memory
    shmat: map System V shared memory
    shmdt: unmap System V shared memory
    shmctl: control System V shared memory
    mq_open: open a POSIX message queue
    mq_unlink: remove a POSIX message queue
    mq_timedsend: send to a POSIX message queue
    mq_timedreceive: receive from a POSIX message queue
    mq_notify: be told of a message
    mq_getsetattr: attributes of a POSIX message queue
  `,
} as const;
