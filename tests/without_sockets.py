"""Runs a fastface command in a process that the kernel kills if it asks for a socket.

    python tests/without_sockets.py scan FOLDER --library FILE

A seccomp filter rather than strace: it needs no tool, no privilege, and covers C code and every
thread.  Exit status -SIGSYS means that socket(2) was called.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys

SOCKET_CALL = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}  # audit arch, number

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF: ld [k], jeq #k, ret #k


def supported() -> bool:
    return sys.platform == "linux" and platform.machine() in SOCKET_CALL


def forbid_sockets() -> None:
    """From now on socket(2) ends this process, whoever calls it."""
    architecture, number = SOCKET_CALL[platform.machine()]
    instructions = [
        (LOAD, 0, 0, 4),  # seccomp_data.arch
        (JUMP_IF_EQUAL, 0, 2, architecture),
        (LOAD, 0, 0, 0),  # seccomp_data.nr
        (JUMP_IF_EQUAL, 1, 0, number),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, KILL_PROCESS),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *i) for i in instructions))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    program = Program(len(instructions), ctypes.addressof(code))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "seccomp filter refused")


if __name__ == "__main__":
    forbid_sockets()
    if sys.argv[1] == "open-a-socket":
        import socket

        socket.socket()
    from fastface.cli import main

    sys.exit(main(sys.argv[1:]))
