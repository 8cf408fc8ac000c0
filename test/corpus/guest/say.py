"""Sends one user's message to the kernel's audit, as anybody with CAP_AUDIT_WRITE may: say.py TYPE TEXT."""
import socket
import struct
import sys

text = sys.argv[2].encode() + b'\0'
sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)
sock.bind((0, 0))
sock.send(struct.pack('=IHHII', 16 + len(text), int(sys.argv[1]), 5, 1, 0) + text)
answer = sock.recv(8192)
(error,) = struct.unpack_from('=i', answer, 16)
if error:
    sys.exit(f'say: type {sys.argv[1]}: error {error}')
