"""Does what the domain is not allowed to: selinux-operations.py files|others."""
import contextlib
import ctypes
import os
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)
other = int(os.environ['OTHER'])


def attempt(call, *arguments, **named):
    with contextlib.suppress(OSError):
        return call(*arguments, **named)


def execute(*words):
    child = os.fork()
    if child == 0:
        attempt(os.execv, words[0], words)
        os._exit(1)
    os.waitpid(child, 0)


def files():
    attempt(os.open, '/tmp/demo/secret', os.O_RDONLY)
    attempt(os.open, '/tmp/demo/two words "quoted"', os.O_WRONLY)
    os.chdir('/tmp/demo')
    attempt(os.open, 'grün', os.O_WRONLY | os.O_APPEND)
    attempt(os.open, 'locked/inside', os.O_RDWR)
    attempt(os.listdir, '/tmp/demo/locked')
    attempt(os.mkdir, '/tmp/demo/locked/directory')
    attempt(os.stat, '/tmp/demo/secret')
    attempt(os.rename, 'secret', 're named')
    attempt(os.unlink, '/tmp/demo/re named')
    attempt(os.open, '/tmp/demo/granted', os.O_RDONLY)
    execute('/tmp/demo/program')


def others():
    stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    attempt(stream.connect, ('127.0.0.1', 80))
    stream = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    attempt(stream.bind, ('::1', 80))
    attempt(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
    attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 9)
    local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    attempt(local.connect, '\0demo two')
    attempt(local.connect, '/tmp/demo/socket file')
    attempt(socket.sethostname, 'n1')
    attempt(os.setuid, 0)
    attempt(os.kill, other, 10)
    libc.ptrace(16, other, 0, 0)
    libc.klogctl(3, None, 0)
    attempt(os.setxattr, '/tmp/demo/granted', 'security.selinux', b'system_u:object_r:demo_secret_t:s0\0')


files() if sys.argv[1] == 'files' else others()
os._exit(0)
