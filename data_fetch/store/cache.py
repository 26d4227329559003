"""The cache: stored sets that are made once, whole or not at all, however many processes ask for them.

CACHE/sets/ID/         a stored set: its files and manifest.toml with the bytes and sha256 of each
CACHE/sets/.ID.*.part  one that is being made; renamed when it is complete
CACHE/partial/ID/      confirmed pieces of a long download, kept until the set is complete
CACHE/files/           single files
CACHE/locks/           one lock a set, held while it is made

DATA_FETCH_SHARED names further caches that are only read, and are looked in first: see docs/organisers.md.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import pathlib
import re
import secrets
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from data_fetch.errors import DataFetchError
from data_fetch.store import tomltext

APPLICATION = "medxai-course"
MANIFEST = "manifest.toml"


def cache_folder(cache_dir: str | os.PathLike[str] | None = None) -> pathlib.Path:
    """Where data are kept: `cache_dir`, else DATA_FETCH_DIR, else the user's cache folder of this platform."""
    chosen = os.fspath(cache_dir) if cache_dir is not None else os.environ.get("DATA_FETCH_DIR", "").strip()
    if chosen:
        return pathlib.Path(chosen).expanduser().absolute()
    # What pooch.os_cache returns, without the 0.1 s that importing pooch takes.
    import platformdirs

    return pathlib.Path(platformdirs.user_cache_dir(APPLICATION))


def shared_folders() -> list[pathlib.Path]:
    """The read-only caches that DATA_FETCH_SHARED names (a list as in PATH), looked in before the user's own.

    Raises
    ------
    DataFetchError
        If one is not there: a class that silently drew everything again would find out at nine o'clock.
    """
    named = os.environ.get("DATA_FETCH_SHARED", "").split(os.pathsep)
    folders = [pathlib.Path(one.strip()).expanduser().absolute() for one in named if one.strip()]
    for folder in folders:
        if not folder.is_dir():
            raise DataFetchError(
                "The shared cache is not there.",
                where="the environment variable DATA_FETCH_SHARED",
                expected=f"existing folders, with {os.pathsep!r} between them",
                got=folder,
                next="tell whoever runs this machine; or unset DATA_FETCH_SHARED, to keep everything in your own cache",
            )
    return folders


def is_shared(path: pathlib.Path) -> bool:
    """Whether a path lies in a shared cache, which is not ours to change."""
    return any(path.is_relative_to(folder) for folder in shared_folders())


def offline() -> bool:
    """Whether DATA_FETCH_OFFLINE forbids the network."""
    value = os.environ.get("DATA_FETCH_OFFLINE", "").strip().lower()
    if value in ("", "0", "no", "false"):
        return False
    if value in ("1", "yes", "true"):
        return True
    raise DataFetchError(
        "DATA_FETCH_OFFLINE is neither on nor off.",
        where="the environment variable DATA_FETCH_OFFLINE",
        expected="1, or 0 or nothing",
        got=repr(value),
    )


def sha256_of(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def again(folder: pathlib.Path) -> str:
    """What to type when a stored set is damaged."""
    if is_shared(folder):
        return "tell whoever keeps the shared cache (data-fetch clean and get, with DATA_FETCH_DIR set to it)"
    fetch = f"data-fetch get {folder.name.split('-')[0]}"
    return f"data-fetch clean {folder.name} --yes   and then fetch it again ({fetch})"


def not_written(what: str, where: pathlib.Path, reason: OSError) -> DataFetchError:
    """The error for a cache that cannot be written: a full disk, or a folder that others own."""
    exists = next(path for path in [where, *where.parents] if path.exists())
    free = shutil.disk_usage(exists).free
    # NumPy reports a short write without a number.
    full = reason.errno in (errno.ENOSPC, errno.EDQUOT) or (reason.errno is None and free < 1 << 20)
    cause = reason.strerror or (os.strerror(errno.ENOSPC) if full else reason)
    return DataFetchError(
        f"{what} ({cause}).",
        where=where,
        expected="room on the disk" if full else "a folder that this user can write",
        got=f"{free / 1e6:,.1f} MB free on that disk",
        next="make room (data-fetch clean), or set DATA_FETCH_DIR to a folder on another disk; then fetch it again"
        if full
        else "set DATA_FETCH_DIR to a folder of your own, or give cache_dir=",
    )


def read_manifest(folder: pathlib.Path) -> dict[str, Any]:
    """Bytes and sha256 of each file of a stored set, by path relative to its folder."""
    path = folder / MANIFEST
    try:
        return checked_manifest(path.read_bytes())
    except (OSError, ValueError) as reason:
        raise DataFetchError(
            f"The manifest of a stored set cannot be read ({reason}).",
            where=path,
            expected="a list of files with bytes and sha256",
            next=again(folder),
        ) from None


def checked_manifest(content: bytes) -> dict[str, Any]:
    """The files that a manifest names, each with `bytes` and `sha256`; ValueError for anything but plain names below it."""
    table = tomllib.loads(content.decode("utf-8"))
    files = table.get("files")
    if set(table) != {"files"} or not isinstance(files, dict) or not files:
        raise ValueError("it has no table of files, or more than that")
    for name, entry in files.items():
        if not isinstance(entry, dict) or set(entry) != {"bytes", "sha256"}:
            raise ValueError(f"{name!r} needs bytes and sha256")
        size, digest = entry["bytes"], entry["sha256"]
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise ValueError(f"{name!r} has {size!r} bytes")
        if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError(f"{name!r} has no proper sha256")
        parts = name.split("/")
        if not all(parts) or {".", ".."} & set(parts) or re.search(r"[\\:\x00-\x1f]", name):
            raise ValueError(f"{name!r} is no plain name below the folder of the set")
    return dict(files)


def write_manifest(folder: pathlib.Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    entries = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in files
    }
    (folder / MANIFEST).write_text(tomltext.dumps({"files": entries}), encoding="utf-8")


def check_sizes(folder: pathlib.Path) -> None:
    """Raise unless each file of a stored set has the size that its manifest names.

    A memory-mapped file that is too short kills the process when its end is read, so this is checked at each load;
    hashes are for :func:`verify`, which reads everything.
    """
    for name, entry in read_manifest(folder).items():
        path = folder / name
        got = path.stat().st_size if path.is_file() else None
        if got != entry["bytes"]:
            raise DataFetchError(
                "A file of a stored set is " + ("missing." if got is None else "not as long as it was written."),
                where=path,
                expected=f"{entry['bytes']:,} bytes",
                got="no file" if got is None else f"{got:,} bytes",
                next=again(folder),
            )


def verify(folder: pathlib.Path) -> list[DataFetchError]:
    """Hash every file of a stored set again; one error for each that is not what was written."""
    try:
        check_sizes(folder)
    except DataFetchError as problem:
        return [problem]
    problems = []
    for name, entry in read_manifest(folder).items():
        got = sha256_of(folder / name)
        if got != entry["sha256"]:
            problems.append(
                DataFetchError(
                    "A file of a stored set was changed after it was written.",
                    where=folder / name,
                    expected=f"sha256 {entry['sha256']}",
                    got=f"sha256 {got}",
                    next=again(folder),
                )
            )
    return problems


@contextlib.contextmanager
def locked(cache: pathlib.Path, name: str, quiet: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold the lock of one set. The system lets it go when the process dies, however it dies."""
    import filelock

    folder = cache / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / f"{name}.lock")
        try:
            lock.acquire(timeout=1.0 if wait else 0)
        except filelock.Timeout:
            if not wait:
                raise DataFetchError(f"{name} is being fetched by another process.", where=cache) from None
            if not quiet:
                print(f"Another process is fetching {name}; waiting for it.", file=sys.stderr, flush=True)
            lock.acquire()
    except OSError as reason:
        raise not_written("The cache cannot be written", cache, reason) from None
    try:
        yield
    finally:
        lock.release()


def stored_set(
    set_id: str,
    make: Callable[[pathlib.Path], None],
    cache: pathlib.Path,
    quiet: bool = False,
) -> pathlib.Path:
    """The folder of a stored set, made first if it is not there.

    Parameters
    ----------
    set_id : str
        Name of the folder; holds everything that tells one set from another (source, version, size, split).
    make : function of a folder
        Writes the files of the set into an existing empty folder. Whatever it raises leaves nothing behind.
    cache : Path
        From :func:`cache_folder`; written only if no shared cache has the set.

    Raises
    ------
    DataFetchError
        If the cache cannot be written, or a stored file has another size than its manifest names.
    """
    if shared := _in_shared(set_id):
        return shared
    folder = cache / "sets" / set_id
    if not folder.is_dir():
        with locked(cache, set_id, quiet):
            if not folder.is_dir():
                _make(folder, make)
    check_sizes(folder)
    return folder


def _in_shared(set_id: str) -> pathlib.Path | None:
    """The folder of a set in a shared cache; one that is damaged there is named, and does not stop a class."""
    for place in shared_folders():
        folder = place / "sets" / set_id
        if folder.is_dir():
            try:
                check_sizes(folder)
                return folder
            except DataFetchError as problem:
                print(f"A set of the shared cache is not used, because it is damaged.\n{problem}", file=sys.stderr)
    return None


def _make(folder: pathlib.Path, make: Callable[[pathlib.Path], None]) -> None:
    part = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.part"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # We hold the lock, so whatever lies here under this name belongs to a process that is gone.
        for left_over in folder.parent.glob(f".{folder.name}.*.part"):
            shutil.rmtree(left_over, ignore_errors=True)
        part.mkdir()
        make(part)
        write_manifest(part)
        part.rename(folder)
    except OSError as reason:
        raise not_written(f"{folder.name} could not be written", folder.parent, reason) from reason
    finally:
        shutil.rmtree(part, ignore_errors=True)
