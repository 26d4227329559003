"""The cache: stored sets that are made once, whole or not at all, however many processes ask for them.

CACHE/sets/ID/         a stored set: its files and manifest.toml with the bytes and sha256 of each
CACHE/sets/.ID.*.part  one that is being made; renamed when it is complete
CACHE/partial/ID/      confirmed pieces of a long download, kept until the set is complete
CACHE/files/           single files
CACHE/locks/           one lock a set, held while it is made
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import secrets
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from data_fetch import tomltext
from data_fetch.errors import DataFetchError

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


def again(set_id: str) -> str:
    """What to type when a stored set is damaged."""
    return f"data-fetch clean {set_id} --yes   and then fetch it again (data-fetch get {set_id.split('-')[0]})"


def read_manifest(folder: pathlib.Path) -> dict[str, Any]:
    """Bytes and sha256 of each file of a stored set, by path relative to its folder."""
    path = folder / MANIFEST
    try:
        return dict(tomllib.loads(path.read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError) as reason:
        raise DataFetchError(
            f"The manifest of a stored set cannot be read ({reason}).",
            where=path,
            expected="a list of files with bytes and sha256",
            next=again(folder.name),
        ) from None


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
                next=again(folder.name),
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
                    next=again(folder.name),
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
        raise DataFetchError(
            f"The cache cannot be written ({reason.strerror or reason}).",
            where=cache,
            expected="a folder that this user can write",
            next="set DATA_FETCH_DIR to a folder of your own, or give cache_dir=",
        ) from None
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
        From :func:`cache_folder`.

    Raises
    ------
    DataFetchError
        If the cache cannot be written, or a stored file has another size than its manifest names.
    """
    folder = cache / "sets" / set_id
    if not folder.is_dir():
        with locked(cache, set_id, quiet):
            if not folder.is_dir():
                _make(folder, make)
    check_sizes(folder)
    return folder


def _make(folder: pathlib.Path, make: Callable[[pathlib.Path], None]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # We hold the lock, so whatever lies here under this name belongs to a process that is gone.
    for left_over in folder.parent.glob(f".{folder.name}.*.part"):
        shutil.rmtree(left_over, ignore_errors=True)
    part = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.part"
    part.mkdir()
    try:
        make(part)
        write_manifest(part)
        part.rename(folder)
    except OSError as reason:
        raise DataFetchError(
            f"{folder.name} could not be written ({reason.strerror or reason}).",
            where=folder.parent,
            got=f"{shutil.disk_usage(folder.parent).free / 1e6:,.0f} MB free on that disk",
            next="make room, or set DATA_FETCH_DIR to a folder on another disk; then fetch it again",
        ) from reason
    finally:
        shutil.rmtree(part, ignore_errors=True)
