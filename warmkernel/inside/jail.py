"""The isolation of one kernel: namespaces, its own file system, limits, and no privileges.

Called in this order, each by the process concerned: `enter`, fork, `furnish`, `lock`. A step that fails raises
`StepFailed` with its name and the system's message; the advice for it is given outside (warmkernel.advice).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import linux, seccomp

HOME, WORK = "/tmp/home", "/tmp/work"
USER_ID = 1000
SOCKET_BUFFER = 212_992
_RESERVED = 32 * 2**30
_DEVICES = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "console")}
# Per-user resources of Linux. A further user namespace would give capabilities, if only within itself; inotify objects
# would be taken from the user's other programs.
_OBJECTS = {
    "user_namespaces": 1,  # the one that `lock` makes
    "inotify_instances": 16,
    "inotify_watches": 4096,
    "fanotify_groups": 0,
    "fanotify_marks": 0,
}


class StepFailed(Exception):
    """A step of the isolation failed. `step` is its name, `said` the system's message."""

    def __init__(self, step: str, said: str) -> None:
        super().__init__(f"{step}: {said}")
        self.step, self.said = step, said


@contextmanager
def step(name: str) -> Iterator[None]:
    """Add the step's name to any failure within it.

    Raises
    ------
    StepFailed
        For any exception in it.
    """
    try:
        yield
    except StepFailed:
        raise
    except Exception as error:
        raise StepFailed(name, _said(error)) from error


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def enter() -> None:
    """Leave all namespaces of the zygote. The next fork becomes process 1 of the new ones."""
    with step("namespaces"):
        _new_namespaces(linux.ALL_NAMESPACES, inside=0)


def furnish(limits: dict[str, Any], covered: list[str], kept: list[str]) -> None:
    """Give process 1 its own /proc, /tmp (with the home and working folders) and /dev; nothing else is writable.
    `covered` folders become empty; `kept` folders in /tmp remain visible.
    """
    with step("private mounts"):
        linux.mount(None, "/", None, linux.RECURSIVE | linux.PRIVATE)
    with step("proc"):
        linux.mount("proc", "/proc", "proc", linux.NO_SUID | linux.NO_DEVICES | linux.NO_PROGRAMS)
    with step("scratch"):
        _scratch(limits, covered, kept)
    with step("terminals"):
        # The inherited /dev/pts would be shared by all kernels.
        options = "newinstance,ptmxmode=0666,mode=0600,max=64"
        linux.mount("devpts", "/dev/pts", "devpts", linux.NO_SUID | linux.NO_PROGRAMS, options)
    with step("nothing else is writable"):
        _refuse_writable()
    with step("loopback"):
        socket.sethostname("kernel")
        _loopback_up()
    with step("switches"):
        _fix_switches()
    for folder in (HOME, WORK):
        os.mkdir(folder)
    os.chdir(WORK)


def lock(limits: dict[str, Any]) -> None:
    """Set the limits and drop privileges for good: from here on, no capability reaches the mounts made by `furnish`."""
    with step("second user namespace"):
        # Linux also counts these for the user outside, with this limit as the total for the next namespace.
        _lower(resource.RLIMIT_SIGPENDING, 1024)
        _lower(resource.RLIMIT_MEMLOCK, 1 << 20)
        _lower(resource.RLIMIT_MSGQUEUE, 0)
        _new_namespaces(linux.NEW_USER, inside=USER_ID)
    with step("limits"):
        _limit(limits)
    with step("capabilities"):
        linux.drop_capabilities()
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    with step("system calls"):
        seccomp.install()


def _new_namespaces(flags: int, inside: int) -> None:
    user, group = os.geteuid(), os.getegid()
    linux.unshare(flags)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{inside} {user} 1")
    _write("/proc/self/gid_map", f"{inside} {group} 1")


def _scratch(limits: dict[str, Any], covered: list[str], kept: list[str]) -> None:
    flags = linux.NO_SUID | linux.NO_DEVICES
    for folder in covered:
        linux.mount("nothing", folder, "tmpfs", flags | linux.READ_ONLY, "size=4k,nr_inodes=1,mode=0555")
    # Opened before the mount hides them.
    handles = {folder: os.open(folder, os.O_PATH) for folder in kept}
    linux.mount("scratch", "/tmp", "tmpfs", flags, f"size={limits['disk']},nr_inodes={limits['inodes']},mode=1777")
    for folder, handle in handles.items():
        os.makedirs(folder)
        linux.mount(f"/proc/self/fd/{handle}", folder, None, linux.BIND | linux.RECURSIVE)
        os.close(handle)
    shared = f"size={min(limits['disk'], limits['shared_memory'])},nr_inodes=1000,mode=1777"
    linux.mount("shm", "/dev/shm", "tmpfs", flags, shared)


def _refuse_writable() -> None:
    own = {"/tmp", "/dev/shm", "/dev/pts", "/proc", *_DEVICES}
    seen: dict[str, str] = {}
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            fields = line.split()
            end = fields.index("-")
            read_only = "ro" in fields[5].split(",") or "ro" in fields[end + 3].split(",")
            # Of several mounts at one place only the last is visible; those below it are out of reach.
            seen[fields[4]] = "" if read_only else fields[end + 1]
    for place, kind in seen.items():
        if kind and place not in own and not place.startswith("/proc/"):
            raise RuntimeError(f"{place} ({kind}) is writable")


def _loopback_up() -> None:
    set_flags, up_and_running = 0x8914, 0x1 | 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up_and_running))


def _fix_switches() -> None:
    """Set the switches in /proc/sys that belong to these namespaces, then make all read-only, as this process owns them."""
    for name, value in _OBJECTS.items():
        with contextlib.suppress(FileNotFoundError):  # an older Linux
            _write(f"/proc/sys/user/max_{name}", str(value))
    # Linux would let each connection buffer many megabytes, which no limit on process memory covers.
    for direction in ("rmem", "wmem"):
        _write(f"/proc/sys/net/ipv4/tcp_{direction}", f"4096 65536 {SOCKET_BUFFER}")
    flags = linux.BIND | linux.NO_SUID | linux.NO_DEVICES | linux.NO_PROGRAMS
    for folder in ("/proc/sys", "/proc/pressure"):
        if os.path.isdir(folder):
            linux.mount(folder, folder, None, linux.BIND | linux.RECURSIVE)
            linux.mount(None, folder, None, flags | linux.REMOUNT | linux.READ_ONLY)


def _limit(limits: dict[str, Any]) -> None:
    _lower(resource.RLIMIT_NPROC, limits["processes"])
    _lower(resource.RLIMIT_NOFILE, limits["files"])
    _lower(resource.RLIMIT_FSIZE, limits["file_size"])
    _lower(resource.RLIMIT_CORE, 0)
    with open("/proc/self/status", encoding="utf-8") as status:
        present = {line.split(":")[0]: line.split()[1] for line in status if line.startswith("Vm")}
    # Per process, so that a single large array is a MemoryError in the notebook and does not kill the kernel.
    # Thread stacks count in full here although they are hardly used.
    stacks = 64 * 2**20 * (os.cpu_count() or 1)
    _lower(resource.RLIMIT_DATA, (int(present["VmData"]) << 10) + limits["memory"] + stacks)
    # Address space that is only reserved still costs page tables.
    _lower(resource.RLIMIT_AS, (int(present["VmSize"]) << 10) + 4 * limits["memory"] + _RESERVED)


def _lower(what: int, value: int) -> None:
    """Set a limit permanently; a lower existing limit is kept."""
    _, hardest = resource.getrlimit(what)
    if hardest != resource.RLIM_INFINITY:
        value = min(value, hardest)
    resource.setrlimit(what, (value, value))


def _write(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, text.encode())
    except OSError as error:
        raise OSError(error.errno, f"write to {path}: {error.strerror}") from error
    finally:
        os.close(handle)
