"""The settings of a kernelspec, in `metadata.warmkernel` of its kernel.json, and their defaults."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .errors import SettingsError

KEY = "warmkernel"
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_BYTES = ("memory", "disk", "file_size", "shared_memory", "output")


def _processes() -> int:
    # Threads count, and TensorFlow starts several per core, in the kernel and in each process it starts.
    return 192 + 16 * (os.cpu_count() or 1)


@dataclass(frozen=True)
class Limits:
    """Limits of one kernel and all processes in it. Sizes are bytes, or text with a unit: "2 GiB"."""

    wall: float = 3600.0
    """Seconds after which a kernel is killed; 0 for no limit."""
    memory: int = 2 * 2**30
    """All processes together, with the files they wrote (which are in memory). Above it the kernel is killed; a single
    allocation above it is a MemoryError."""
    processes: int = field(default_factory=_processes)
    """Processes and threads. Starting more fails."""
    files: int = 512
    """Open files per process. Avoid more than half of the client's own limit, see docs/warmkernel.md."""
    disk: int = 512 * 2**20
    """The scratch folder, including HOME; above it the disk is full."""
    inodes: int = 20_000
    """Files and folders in the scratch folder."""
    file_size: int = 512 * 2**20
    """Size of one file. Writing more fails."""
    shared_memory: int = 64 * 2**20
    """/dev/shm, where processes keep semaphores and shared arrays."""
    output: int = 256 * 2**20
    """Everything that the kernel sends to its client during its lifetime. Above it the kernel is killed."""


@dataclass(frozen=True)
class Settings:
    """`metadata.warmkernel` of a kernelspec, checked."""

    limits: Limits = Limits()
    packages: tuple[str, ...] = ()
    """Import packages that notebooks see although they are not in the environment's site-packages (as in an editable
    install), or are part of warmkernel's own distribution, whose other packages are hidden."""
    show: tuple[str, ...] = ()
    """Files and folders that notebooks see, read-only, at their usual paths. `~` and `$NAME` are expanded."""
    helpers: tuple[str, ...] = ()
    """Import packages for programs that run next to the kernels (`warmkernel.warm_program`); no kernel sees them."""
    preload: tuple[str, ...] = ()
    """Modules that the zygote imports in addition to its own list; `-name` removes one from that list."""
    environment: tuple[str, ...] = ()
    """Environment variables of the client passed to the kernel: names, or prefixes with `*` (`DATA_FETCH_*`). All others
    are withheld. Variables in the kernelspec's own `env` are always set."""


def read(metadata: Mapping[str, Any]) -> Settings:
    """The settings in a kernelspec's metadata. SettingsError names unknown settings and values out of range."""
    given = metadata.get(KEY, {})
    if not isinstance(given, Mapping):
        raise SettingsError(f"metadata.{KEY} of the kernelspec: expected an object, got {given!r}.")
    known = [f.name for f in fields(Settings)]
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key == "limits":
            values[key] = _limits(value)
        elif key not in known:
            raise SettingsError(f"metadata.{KEY} of the kernelspec: unknown setting {key!r}.{_nearest(key, known)}")
        elif not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise SettingsError(f"metadata.{KEY}.{key} of the kernelspec: expected a list of strings, got {value!r}.")
        else:
            values[key] = tuple(value)
    return Settings(**values)


def _limits(given: Any) -> Limits:
    where = f"metadata.{KEY}.limits of the kernelspec"
    if not isinstance(given, Mapping):
        raise SettingsError(f"{where}: expected an object, got {given!r}.")
    known = [f.name for f in fields(Limits)]
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            raise SettingsError(f"{where}: unknown limit {key!r}.{_nearest(key, known)}")
        number: Any = parse_size(value) if key in _BYTES and isinstance(value, str) else value
        whole = key != "wall"
        fits = not isinstance(number, bool) and isinstance(number, int if whole else int | float)
        if not fits or number < (1 if whole else 0):
            expected = 'bytes or a size such as "2 GiB"' if key in _BYTES else "a number greater than 0"
            raise SettingsError(f"{where}: {key}: expected {expected}, got {value!r}.")
        values[key] = number
    return Limits(**values)


def parse_size(text: str) -> int | None:
    """Bytes in a size such as "2 GiB", "500MB" or "1024"; None if it is not one."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    unit = _UNITS.get(match[2].upper()) if match else None
    return int(float(match[1]) * unit) if match and unit else None


def as_metadata(settings: Settings) -> dict[str, Any]:
    """The settings as in a kernelspec, without defaults."""
    limits = {k: v for k, v in asdict(settings.limits).items() if v != getattr(Limits(), k)}
    others = {f.name: list(getattr(settings, f.name)) for f in fields(Settings) if f.name != "limits"}
    return {KEY: {k: v for k, v in {"limits": limits, **others}.items() if v}}


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(known)}."
