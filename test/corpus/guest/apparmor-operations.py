"""Does what the AppArmor profile named forbids: apparmor-operations.py few|peer|files|others PROFILE [PROCESS]."""
import contextlib
import ctypes
import os
import signal
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)
kind, profile = sys.argv[1:3]
other = int(sys.argv[3]) if len(sys.argv) > 3 else os.getppid()


def attempt(call, *arguments, **named):
    with contextlib.suppress(OSError):
        return call(*arguments, **named)


def execute(*words):
    child = os.fork()
    if child == 0:
        attempt(os.execv, words[0], words)
        os._exit(1)
    os.waitpid(child, 0)


# Made beforehand: sockets that only connect is forbidden to, a directory that is nowhere any more.
stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
datagram = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
os.makedirs('/tmp/lost', exist_ok=True)
libc.mount(b'lost', b'/tmp/lost', b'tmpfs', 0, None)
open('/tmp/lost/file', 'w').close()
lost = os.open('/tmp/lost', os.O_RDONLY | os.O_DIRECTORY)
libc.umount2(b'/tmp/lost', 2)

with open('/proc/self/attr/apparmor/current', 'w') as current:
    current.write(f'changeprofile {profile}')

if kind == 'few':
    attempt(open, '/etc/shadow')
    execute('/tmp/work/two words')
elif kind == 'peer':
    attempt(os.kill, other, signal.SIGUSR1)
    libc.ptrace(16, other, 0, 0)
elif kind == 'files':
    attempt(open, '/etc/shadow')
    attempt(open, '/tmp/work/two words "quoted"', 'w')
    attempt(open, '/tmp/work/grün', 'r+')
    attempt(open, '/tmp/work/apparmor="ALLOWED"', 'w')
    attempt(os.mkdir, '/tmp/work/directory')
    attempt(os.unlink, '/tmp/work/file')
    attempt(os.rename, '/tmp/work/file', '/tmp/work/new name')
    attempt(os.link, '/tmp/work/file', '/tmp/work/link')
    attempt(os.symlink, 'file', '/tmp/work/symlink')
    attempt(os.chmod, '/tmp/work/file', 0o600)
    attempt(os.chown, '/tmp/work/file', 1000, 1000)
    attempt(os.truncate, '/tmp/work/file', 0)
    attempt(open, '/etc/hostname')
    attempt(os.open, 'file', os.O_RDONLY, dir_fd=lost)
    execute('/usr/bin/id')
    execute('/tmp/work/two words')
else:
    attempt(socket.sethostname, 'n2')
    attempt(os.setuid, 1000)
    attempt(socket.socket, socket.AF_INET, socket.SOCK_STREAM)
    attempt(socket.socket, socket.AF_UNIX, socket.SOCK_DGRAM)
    attempt(socket.socket, socket.AF_PACKET, socket.SOCK_RAW, 0)
    attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 0)
    attempt(stream.connect, ('127.0.0.1', 9))
    attempt(datagram.bind, ('::1', 9))
    attempt(local.connect, '/tmp/work/socket')
    libc.ptrace(16, other, 0, 0)
    attempt(open, f'/proc/{other}/environ')
    attempt(os.kill, other, 0)
    attempt(os.kill, other, signal.SIGUSR1)
    attempt(os.kill, other, 36)
    libc.mount(b'none', b'/mnt', b'tmpfs', 6, None)
    libc.mount(b'/tmp', b'/mnt', None, 4096, None)
    libc.umount2(b'/tmp/work/mounted here', 0)
    libc.pivot_root(b'/tmp', b'/tmp/work')
    with contextlib.suppress(OSError), open('/proc/self/attr/apparmor/current', 'w') as current:
        current.write('changeprofile unconfined')
    libc.unshare(0x10000000)
os._exit(0)  # without closing what it has, which is forbidden too
