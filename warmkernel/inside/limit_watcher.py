"""The limits that process 1 watches: elapsed time, and the memory of everything in the kernel's namespace.

It reads /proc directly, ten times a second: psutil does not provide sums of anonymous and shared pages and page tables, and
would have to be imported in a process that should stay small.
"""

from __future__ import annotations

import itertools
import os
import time
from typing import Any

# An ordinary kernel has about forty sockets. Those beyond this number count in full: their buffers belong to no process.
_FREE_SOCKETS = 128
_MOST_LOCKS = 1 << 14
_MEMORY_IN_STATUS = ("RssAnon:", "RssShmem:", "VmPTE:")
_MEMORY_IN_SMAPS = ("Pss_Anon:", "Pss_Shmem:")


class LimitWatcher:
    """Reports which limit was exceeded. `peak` is the peak memory in bytes."""

    def __init__(self, limits: dict[str, Any], watches_memory: bool) -> None:
        self.limits = limits
        self.watches_memory = watches_memory
        self.peak = 0
        self.ends = time.monotonic() + limits["wall"] if limits["wall"] else float("inf")

    def passed(self) -> str | None:
        """The reason to kill the kernel, or None."""
        if time.monotonic() > self.ends:
            return f"wall: the limit of {self.limits['wall']:g} s was exceeded"
        if self.watches_memory:
            if _locks() >= _MOST_LOCKS:
                return f"memory: the limit of {_MOST_LOCKS:,} file locks was reached"
            used = self._memory()
            self.peak = max(self.peak, used)
            if used > self.limits["memory"]:
                return f"memory: {_mebibytes(used)} used, the limit is {_mebibytes(self.limits['memory'])}"
        return None

    def _memory(self) -> int:
        """Bytes of all processes here except this one, with the files in memory, page tables and socket buffers.

        Resident memory is used first, which is quick to read and an upper bound; pages shared between processes are
        divided among them (PSS) only if that bound exceeds the limit.
        """
        allowed: int = self.limits["memory"]
        # Hundreds of busy processes must not delay the check of the time.
        deadline = time.monotonic() + 0.5
        numbers = [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]
        other: int = _files() + _sockets() * self.limits["socket_buffer"]
        resident = {number: _kilobytes(f"/proc/{number}/status", _MEMORY_IN_STATUS) for number in numbers}
        if other + sum(resident.values()) <= allowed:
            return other + sum(resident.values())
        # Everything that a process can share with the zygote is in this process as well.
        shared = _kilobytes("/proc/self/status", _MEMORY_IN_STATUS)
        total = other
        for number, bound in resident.items():
            exact = _proportional(number) if time.monotonic() < deadline else None
            total += max(0, bound - shared) if exact is None else exact
        return total


def _proportional(number: str) -> int | None:
    """Proportional memory in bytes, or None for a process that made itself unreadable."""
    try:
        with open(f"/proc/{number}/smaps_rollup", encoding="utf-8") as lines:
            used = sum(int(line.split()[1]) for line in lines if line.startswith(_MEMORY_IN_SMAPS)) << 10
    except PermissionError:
        return None
    except (OSError, IndexError, ValueError):  # it has ended
        return 0
    return used + _kilobytes(f"/proc/{number}/status", ("VmPTE:",))


def _kilobytes(path: str, fields: tuple[str, ...]) -> int:
    """The sum of the fields in bytes; 0 if the process has ended."""
    try:
        with open(path, encoding="utf-8") as lines:
            return sum(int(line.split()[1]) for line in lines if line.startswith(fields)) << 10
    except (OSError, IndexError, ValueError):
        return 0


def _files() -> int:
    used = 0
    for place in ("/tmp", "/dev/shm"):
        system = os.statvfs(place)
        used += (system.f_blocks - system.f_bfree) * system.f_frsize
    return used


def _sockets() -> int:
    """The number of sockets in excess of those that every kernel has."""
    with open("/proc/net/sockstat", encoding="utf-8") as lines:
        return max(0, int(next(lines).split()[2]) - _FREE_SOCKETS)


def _locks() -> int:
    # Locks on file ranges: kernel memory that no other limit covers.
    with open("/proc/locks", "rb") as lines:
        return sum(1 for _ in itertools.islice(lines, _MOST_LOCKS))


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"
