"""Limits on memory and processes enforced by Linux itself, in a cgroup (version 2), if one is delegated to this process.

A delegated cgroup is that of this process if it belongs to its user (`systemd-run --user --scope -p Delegate=yes COMMAND`)
or is marked as delegated by systemd, or the one named by WARMKERNEL_CGROUP. Every process in it moves to a leaf, because
Linux allows no processes next to the kernels' groups.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from pathlib import Path

import psutil

from .errors import SandboxError
from .settings import Limits

VARIABLE = "WARMKERNEL_CGROUP"
_LEAF, _KERNEL = "warmkernel-client", "warmkernel-kernel-"
_lock = threading.Lock()


class Group:
    """The cgroup of one kernel.

    Parameters
    ----------
    parent : Path
        The delegated cgroup.
    limits : Limits
        `memory` and `processes` are enforced.

    Raises
    ------
    OSError
        If Linux does not allow it.
    """

    def __init__(self, parent: Path, limits: Limits) -> None:
        self.folder = parent / f"{_KERNEL}{os.getpid()}-{secrets.token_hex(4)}"
        self.limit = limits.memory
        self.folder.mkdir()
        try:
            _write(self.folder / "memory.max", limits.memory)
            if (self.folder / "memory.swap.max").exists():
                _write(self.folder / "memory.swap.max", 0)
            # Kill the whole kernel: a single missing process would puzzle the student.
            _write(self.folder / "memory.oom.group", 1)
            if (self.folder / "pids.max").exists():
                _write(self.folder / "pids.max", limits.processes + 8)
        except OSError:
            self.remove()
            raise

    def entrance(self) -> int:
        """A descriptor; a process that writes "0" to it joins the group, with the permissions of the process that opened it."""
        return os.open(self.folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)

    def peak(self) -> int:
        """Peak memory in bytes; 0 if Linux does not report it (before 5.19)."""
        try:
            return int((self.folder / "memory.peak").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0

    def reason(self) -> str:
        """Why Linux killed the kernel, or an empty string."""
        try:
            events = dict(
                line.split() for line in (self.folder / "memory.events").read_text(encoding="utf-8").splitlines()
            )
        except (OSError, ValueError):
            return ""
        if int(events.get("oom_kill", 0)):
            return f"memory: the limit of {self.limit / 2**20:,.0f} MiB was reached"
        return ""

    def remove(self) -> None:
        """Remove the group. Its processes have been killed, but Linux may still be cleaning up after them."""
        with contextlib.suppress(OSError):
            _write(self.folder / "cgroup.kill", 1)
        for _ in range(100):
            try:
                self.folder.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.01)


def new_group(limits: Limits) -> Group | None:
    """A cgroup for one kernel; None if none is delegated and the watcher enforces the limits.

    Raises
    ------
    SandboxError
        If WARMKERNEL_CGROUP names an unusable one.
    """
    with _lock:
        folder = delegated()
        if folder is None:
            return None
        try:
            _prepare(folder)
            return Group(folder, limits)
        except OSError as error:
            if VARIABLE in os.environ:
                advice = (
                    f"Name a cgroup that this user may use, with memory in its cgroup.controllers, or unset {VARIABLE}."
                )
                raise SandboxError("cgroup", f"{folder}: {error.strerror}", advice) from error
            return None


def delegated() -> Path | None:
    """The folder of the delegated cgroup with a memory controller, or None."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    mounted, own = _mount_point(), _own_path()
    if mounted is None or own is None:
        return None
    folder = mounted / own.lstrip("/")
    if folder.name == _LEAF:
        folder = folder.parent
    try:
        if "memory" not in (folder / "cgroup.controllers").read_text(encoding="utf-8").split():
            return None
        ours = folder.stat().st_uid == os.geteuid() != 0
    except OSError:
        return None
    files = ("cgroup.procs", "cgroup.subtree_control")
    if not (ours or _marked(folder)) or not all(os.access(folder / name, os.W_OK) for name in files):
        return None
    return folder


def _prepare(folder: Path) -> None:
    leaf = folder / _LEAF
    if "memory" not in (folder / "cgroup.subtree_control").read_text(encoding="utf-8").split():
        leaf.mkdir(exist_ok=True)
        for number in (folder / "cgroup.procs").read_text(encoding="utf-8").split():
            with contextlib.suppress(ProcessLookupError):
                _write(leaf / "cgroup.procs", number)
        wanted = {"memory", "pids"} & set((folder / "cgroup.controllers").read_text(encoding="utf-8").split())
        _write(folder / "cgroup.subtree_control", " ".join(f"+{name}" for name in sorted(wanted)))
    # Groups of a client that was killed.
    for old in folder.glob(f"{_KERNEL}*"):
        if not psutil.pid_exists(int(old.name.removeprefix(_KERNEL).split("-")[0])):
            with contextlib.suppress(OSError):
                old.rmdir()


def _mount_point() -> Path | None:
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            before, _, after = line.partition(" - ")
            if after.startswith("cgroup2 "):
                return Path(before.split()[4])
    return None


def _own_path() -> str | None:
    with open("/proc/self/cgroup", encoding="utf-8") as lines:
        return next((line[3:].strip() for line in lines if line.startswith("0::")), None)


def _marked(folder: Path) -> bool:
    for name in ("user.delegate", "trusted.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(folder, name) == b"1":
                return True
    return False


def _write(path: Path, value: object) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(str(value))
