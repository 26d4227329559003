"""The cache: its location, shared caches, and the locks of sets that are being made.

CACHE/sets/ID/         a stored set: its files and manifest.toml with the bytes and sha256 of each
CACHE/sets/.ID.*.part  a set that is being made; renamed when it is complete
CACHE/partial/ID/      confirmed pieces of a long download, kept until the set is complete
CACHE/files/           single files
CACHE/locks/           one lock per set, held while it is made

DATA_FETCH_SHARED names further, read-only caches that are searched first: see docs/organisers.md.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import pathlib
import shutil
import sys
from collections.abc import Iterator

from data_fetch.errors import DataFetchError

APPLICATION = "medxai-course"


def cache_folder(cache_dir: str | os.PathLike[str] | None = None) -> pathlib.Path:
    """Where data are stored: `cache_dir`, else DATA_FETCH_DIR, else the user's cache folder on this platform."""
    chosen = os.fspath(cache_dir) if cache_dir is not None else os.environ.get("DATA_FETCH_DIR", "").strip()
    if chosen:
        return pathlib.Path(chosen).expanduser().absolute()
    import platformdirs

    return pathlib.Path(platformdirs.user_cache_dir(APPLICATION))


def shared_folders() -> list[pathlib.Path]:
    """The read-only caches named by DATA_FETCH_SHARED (a list as in PATH), searched before the user's own.

    Raises
    ------
    DataFetchError
        If one does not exist: otherwise every user would silently render everything again.
    """
    named = os.environ.get("DATA_FETCH_SHARED", "").split(os.pathsep)
    folders = [pathlib.Path(one.strip()).expanduser().absolute() for one in named if one.strip()]
    for folder in folders:
        if not folder.is_dir():
            raise DataFetchError(
                "The shared cache does not exist.",
                where="the environment variable DATA_FETCH_SHARED",
                expected=f"existing folders, separated by {os.pathsep!r}",
                got=folder,
                next="tell the administrator of this machine; or unset DATA_FETCH_SHARED to use only your own cache",
            )
    return folders


def is_shared(path: pathlib.Path) -> bool:
    """Whether a path is in a shared cache, which must not be changed."""
    return any(path.is_relative_to(folder) for folder in shared_folders())


def sha256_of(path: pathlib.Path) -> str:
    """The sha256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def again(folder: pathlib.Path) -> str:
    """The command to run when a stored set is damaged."""
    if is_shared(folder):
        return "tell the administrator of the shared cache (data-fetch clean and get, with DATA_FETCH_DIR set to it)"
    fetch = f"data-fetch get {folder.name.split('-')[0]}"
    return f"data-fetch clean {folder.name} --yes   and then fetch it again ({fetch})"


def not_written(what: str, where: pathlib.Path, reason: OSError) -> DataFetchError:
    """The error for a cache that cannot be written: a full disk, or a folder owned by another user."""
    exists = next(path for path in [where, *where.parents] if path.exists())
    free = shutil.disk_usage(exists).free
    # NumPy reports a short write without an errno.
    full = reason.errno in (errno.ENOSPC, errno.EDQUOT) or (reason.errno is None and free < 1 << 20)
    cause = reason.strerror or (os.strerror(errno.ENOSPC) if full else reason)
    return DataFetchError(
        f"{what} ({cause}).",
        where=where,
        expected="enough free disk space" if full else "a folder that this user can write to",
        got=f"{free / 1e6:,.1f} MB free on that disk",
        next="free some space (data-fetch clean), or set DATA_FETCH_DIR to a folder on another disk; then fetch it again"
        if full
        else "set DATA_FETCH_DIR to a folder of your own, or pass cache_dir=",
    )


@contextlib.contextmanager
def locked(cache: pathlib.Path, name: str, quiet: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold the lock of one set. The system releases it when the process ends, however it ends.

    Raises
    ------
    DataFetchError
        If the cache cannot be written, or another process holds the lock and `wait` is False.
    """
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
