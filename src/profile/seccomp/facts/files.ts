/** Lines of `name: what it is for`, by group (see ../syscall-facts.ts). */
export const FILE_FACTS = {
  files: `
    access: ask whether a path may be read, written or executed
    faccessat: as access, relative to a directory
    faccessat2: as faccessat, with flags
    cachestat: how much of a file is in the page cache
    chdir: change the working directory by path
    fchdir: change the working directory by descriptor
    chmod: change a file's mode by path
    fchmod: change an open file's mode
    fchmodat: change a file's mode, relative to a directory
    fchmodat2: as fchmodat, with flags
    chown: change a file's owner
    fchown: change an open file's owner
    fchownat: change a file's owner, relative to a directory
    lchown: change a symbolic link's own owner
    creat: create a file and open it for writing
    open: open a file
    openat: open a file, relative to a directory
    openat2: open a file, with limits on how the path resolves
    open_by_handle_at: open a file by its handle, without a path
    name_to_handle_at: get the handle of a file
    fallocate: reserve or punch out space in a file
    file_getattr: read a file's inode attributes
    file_setattr: change a file's inode attributes
    ftruncate: cut or lengthen an open file
    truncate: cut or lengthen a file by path
    getcwd: name of the working directory
    getdents: list a directory (old form)
    getdents64: list a directory
    link: make a hard link
    linkat: make a hard link, relative to directories
    symlink: make a symbolic link
    symlinkat: make a symbolic link, relative to a directory
    readlink: read where a symbolic link leads
    readlinkat: as readlink, relative to a directory
    mkdir: make a directory
    mkdirat: make a directory, relative to another
    rmdir: remove an empty directory
    mknod: make a device node, pipe or file
    mknodat: as mknod, relative to a directory
    rename: rename or move a file
    renameat: rename, relative to directories
    renameat2: rename with exchange or no-replace
    unlink: remove a file
    unlinkat: remove a file or directory, relative to one
    stat: a file's size, owner, mode and times
    lstat: as stat, of a link itself
    fstat: as stat, of an open file
    newfstatat: as stat, relative to a directory
    fstatat64: as stat, relative to a directory
    statx: extended form of stat
    oldstat: obsolete form of stat
    oldlstat: obsolete form of lstat
    oldfstat: obsolete form of fstat
    statfs: free space and type of a file system by path
    fstatfs: as statfs, by descriptor
    ustat: free space of a file system by device (old)
    umask: mask for the mode of new files
    utime: set a file's times, in seconds
    utimes: set a file's times, in microseconds
    futimesat: as utimes, relative to a directory
    utimensat: set a file's times, in nanoseconds
    getxattr: read an extended attribute
    lgetxattr: read an extended attribute of a link
    fgetxattr: read an extended attribute of an open file
    getxattrat: read an extended attribute, relative to a directory
    setxattr: write an extended attribute
    lsetxattr: write an extended attribute of a link
    fsetxattr: write an extended attribute of an open file
    setxattrat: write an extended attribute, relative to a directory
    listxattr: list extended attributes
    llistxattr: list extended attributes of a link
    flistxattr: list extended attributes of an open file
    listxattrat: list extended attributes, relative to a directory
    removexattr: remove an extended attribute
    lremovexattr: remove an extended attribute of a link
    fremovexattr: remove an extended attribute of an open file
    removexattrat: remove an extended attribute, relative to a directory
    inotify_init: start watching files for changes (old form)
    inotify_init1: start watching files for changes
    inotify_add_watch: add a file or directory to a watch
    inotify_rm_watch: take one out of a watch
    fanotify_init: start watching, or deciding on, accesses to files
    fanotify_mark: add an object to such a watch
    lookup_dcookie: path of a profiler's cookie (removed from Linux)
    uselib: load a shared library (obsolete)
    quotactl: read or set disk quotas
    quotactl_fd: disk quotas, by descriptor
    readdir: read a directory entry (obsolete)
  `,
  'input and output': `
    read: read from a descriptor
    pread64: read at an offset
    readv: read into several buffers
    preadv: read into several buffers at an offset
    preadv2: as preadv, with flags
    write: write to a descriptor
    pwrite64: write at an offset
    writev: write from several buffers
    pwritev: write from several buffers at an offset
    pwritev2: as pwritev, with flags
    lseek: move a descriptor's offset
    _llseek: move a descriptor's offset, in 64 bits
    close: close a descriptor
    close_range: close or mark a range of descriptors
    dup: duplicate a descriptor
    dup2: duplicate a descriptor to a given number
    dup3: as dup2, with flags
    fcntl: flags, locks and duplicates of a descriptor
    flock: lock a whole file
    lock: lock a file (never implemented)
    ioctl: whatever a device or file system offers besides reading and writing
    copy_file_range: copy between files inside the kernel
    sendfile: send a file to a descriptor inside the kernel
    splice: move data between a pipe and a descriptor
    tee: duplicate data between pipes
    vmsplice: put memory into a pipe
    readahead: read a file into the cache ahead of use
    fadvise64: announce how a file will be read
    arm_fadvise64_64: announce how a file will be read
    fsync: write a file to disk
    fdatasync: write a file's data to disk
    sync: write all to disk
    syncfs: write one file system to disk
    sync_file_range: write a part of a file to disk
    arm_sync_file_range: write a part of a file to disk
    pipe: make a pipe
    pipe2: make a pipe, with flags
    poll: wait for descriptors
    ppoll: wait for descriptors, with a signal mask
    select: wait for descriptors (old form)
    _newselect: wait for descriptors
    pselect6: wait for descriptors, with a signal mask
    epoll_create: make a set of descriptors to wait for (old form)
    epoll_create1: make a set of descriptors to wait for
    epoll_ctl: change such a set
    epoll_ctl_old: early form of epoll_ctl (never implemented)
    epoll_wait: wait for such a set
    epoll_wait_old: early form of epoll_wait (never implemented)
    epoll_pwait: as epoll_wait, with a signal mask
    epoll_pwait2: as epoll_pwait, in nanoseconds
    eventfd: make a counter to wait on (old form)
    eventfd2: make a counter to wait on
    io_setup: start asynchronous input and output (AIO)
    io_destroy: end it
    io_submit: hand requests to it
    io_cancel: cancel one of its requests
    io_getevents: collect its results
    io_pgetevents: collect its results, with a signal mask
    io_uring_setup: make rings for asynchronous requests
    io_uring_enter: hand requests to the rings and wait
    io_uring_register: register files and buffers with the rings
  `,
  network: `
    socket: make a socket
    socketpair: make two connected sockets
    socketcall: all socket calls in one (older i386 programs)
    bind: give a socket its address
    connect: connect a socket
    listen: await connections
    accept: take a connection
    accept4: take a connection, with flags
    getsockname: a socket's own address
    getpeername: the address at the other end
    getsockopt: read a socket's options
    setsockopt: change a socket's options
    send: send on a socket
    sendto: send, with an address
    sendmsg: send, with descriptors or other extras
    sendmmsg: send several messages
    recv: receive on a socket
    recvfrom: receive, with the sender's address
    recvmsg: receive, with descriptors or other extras
    recvmmsg: receive several messages
    shutdown: end one direction of a connection
    sethostname: change the host's name
    setdomainname: change the NIS domain's name
  `,
  mounts: `
    mount: mount a file system, or change a mount
    umount: unmount
    umount2: unmount, with flags
    pivot_root: put another root file system in place
    chroot: change the root directory of the process
    fsopen: begin to set up a file system
    fsconfig: set its parameters
    fsmount: make a mount of it
    fspick: begin to reconfigure a mounted file system
    move_mount: put a mount in its place
    open_tree: pick or copy a tree of mounts
    open_tree_attr: as open_tree, with changed attributes
    mount_setattr: change attributes of mounts
    statmount: describe a mount
    listmount: list mounts
    swapon: start swapping to a file or device
    swapoff: stop swapping
    sysfs: names of file system types (old)
    nfsservctl: control of the kernel's NFS server (removed)
  `,
} as const;
