"""System calls for which Python 3.11 has no function, through the C library. Each raises OSError with the call's name."""

from __future__ import annotations

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)

NEW_USER, NEW_PID, NEW_NET, NEW_MOUNT = 0x10000000, 0x20000000, 0x40000000, 0x00020000
NEW_HOSTNAME, NEW_IPC, NEW_CGROUP = 0x04000000, 0x08000000, 0x02000000
ALL_NAMESPACES = NEW_USER | NEW_PID | NEW_NET | NEW_MOUNT | NEW_HOSTNAME | NEW_IPC | NEW_CGROUP

READ_ONLY, NO_SUID, NO_DEVICES, NO_PROGRAMS = 1, 2, 4, 8
REMOUNT, BIND, RECURSIVE, PRIVATE = 32, 4096, 16384, 1 << 18

PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 4, 22, 24, 38, 47
SECCOMP_MODE_FILTER, CAP_AMBIENT_CLEAR_ALL = 2, 4
_CAPABILITY_VERSION_3 = 0x20080522


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags` for new ones."""
    _checked(_libc.unshare(flags), "unshare")


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, options: str | None = None) -> None:
    """mount(2)."""
    arguments = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    data = None if options is None else options.encode()
    _checked(_libc.mount(*arguments, ctypes.c_ulong(flags), data), f"mount {kind or 'bind'} on {target}")


def prctl(operation: int, *arguments: int) -> None:
    """prctl(2)."""
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    _checked(_libc.prctl(operation, *values), f"prctl {operation}")


def drop_capabilities() -> None:
    """Give up all capabilities, and any way to regain them by running a program."""
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, *[ctypes.c_ulong(value) for value in (capability, 0, 0, 0)]) < 0:
            break  # there are no more
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(ctypes.byref(header), bytes(24)), "capset")
    prctl(PR_CAP_AMBIENT, CAP_AMBIENT_CLEAR_ALL)


def _checked(result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
