"""What a child process gives up before it looks at a hostile file: memory, time, disk, network, other programs.

Linux only in its strength; elsewhere only the limits of POSIX hold, and `isolate` says so.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys
from dataclasses import dataclass
from typing import Literal

Network = Literal["seccomp", "namespace", "open"]
"""How the network was taken away: a system call filter, an empty network namespace, or not at all."""

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SIGKILL = 9
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SECCOMP_SET_MODE_FILTER, _TSYNC = 1, 1
_ALLOW, _FAIL_WITH_EPERM = 0x7FFF0000, 0x00050001
_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x35, 0x06
_X32 = 0x40000000


@dataclass(frozen=True)
class _Machine:
    """Numbers of system calls of one architecture (linux/audit.h, asm/unistd.h)."""

    audit: int
    seccomp: int
    forbidden: tuple[int, ...]
    """socket, connect, execve, execveat, io_uring_setup, ptrace."""


_MACHINES = {
    "x86_64": _Machine(0xC000003E, 317, (41, 42, 59, 322, 425, 101)),
    "aarch64": _Machine(0xC00000B7, 277, (198, 203, 221, 281, 425, 117)),
}


@dataclass(frozen=True)
class Limits:
    """What a child may use.

    Attributes:
        memory_mb: address space in MB.
        cpu_s: CPU seconds.
        file_mb: largest file that it writes, in MB.
    """

    memory_mb: int
    cpu_s: int
    file_mb: int


def limit(limits: Limits) -> None:
    """Set the limits of this process; they cannot be raised again. It ends when its parent ends."""
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory_mb << 20),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, limits.file_mb << 20),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ):
        _, ceiling = resource.getrlimit(kind)
        if ceiling != resource.RLIM_INFINITY:
            value = min(value, ceiling)  # noqa: PLW2901  a limit that holds already cannot be raised
        # A second before the kernel ends it as anybody could, it ends it for its CPU time, so that the reason is known.
        least = value - 1 if kind == resource.RLIMIT_CPU and value > 1 else value
        resource.setrlimit(kind, (least, value))
    if sys.platform == "linux":
        _libc().prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def isolate() -> Network:
    """Take network and other programs away from this process for good, by the strongest means that the kernel lets us.

    A filter of system calls also bars sockets of the file system and starting programs; a namespace bars neither.
    """
    if sys.platform != "linux":
        return "open"
    libc = _libc()
    machine = _MACHINES.get(platform.machine())
    if machine and libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 and _filter(libc, machine):
        return "seccomp"
    for flags in (_CLONE_NEWUSER | _CLONE_NEWNET, _CLONE_NEWNET):
        if libc.unshare(flags) == 0:
            return "namespace"
    return "open"


def environment(temporary: str) -> dict[str, str]:
    """The environment of a child: nothing of the service's own settings and secrets."""
    kept = {
        key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "PROJ_DATA")
    }
    return kept | {
        "TMPDIR": temporary,
        "HOME": temporary,
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PROJ_NETWORK": "OFF",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONSAFEPATH": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def _filter(libc: ctypes.CDLL, machine: _Machine) -> bool:
    """Install the filter for all threads; False where the kernel does not take it."""
    rules = [
        (_LOAD, 0, 0, 4),  # architecture
        (_JUMP_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _FAIL_WITH_EPERM),
        (_LOAD, 0, 0, 0),  # number of the call
        (_JUMP_GREATER_EQUAL, len(machine.forbidden) + 1, 0, _X32),
    ]
    for index, number in enumerate(machine.forbidden):
        rules.append((_JUMP_EQUAL, len(machine.forbidden) - index, 0, number))
    rules += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _FAIL_WITH_EPERM)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *rule) for rule in rules))
    program = _Program(len(rules), ctypes.cast(code, ctypes.c_void_p))
    return bool(libc.syscall(machine.seccomp, _SECCOMP_SET_MODE_FILTER, _TSYNC, ctypes.byref(program)) == 0)
