"""The contents of a cache: their size, verification and removal."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
from collections.abc import Iterator

from data_fetch.errors import DataFetchError
from data_fetch.store import cache
from data_fetch.store.files import recorded_hash, verify_file
from data_fetch.store.registry import registry


def human(count: int) -> str:
    """A number of bytes in readable form: in MB (10**6 bytes) from 0.1 MB on."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count:,} bytes"


def folder_size(path: pathlib.Path) -> int:
    """Bytes in a file, or in all files below a folder; files removed meanwhile by other processes do not count."""
    total = 0
    for file in [path] if path.is_file() else path.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() and not file.is_symlink() else 0
        except OSError:
            continue
    return total


def entries(folder: pathlib.Path, kind: str) -> list[pathlib.Path]:
    """The entries of CACHE/KIND/, without those being made."""
    place = folder / kind
    return sorted(path for path in place.iterdir() if not path.name.startswith(".")) if place.is_dir() else []


def stored_sets(folder: pathlib.Path) -> list[pathlib.Path]:
    """The folders of all complete stored sets in a cache."""
    return [path for path in entries(folder, "sets") if path.is_dir()]


def left_overs(folder: pathlib.Path) -> dict[pathlib.Path, str]:
    """Incomplete sets and files of processes that are gone or still running -> name of the set or file, which is its lock."""
    places = [path for kind in ("sets", "files") for path in sorted((folder / kind).glob(".*.part"))]
    return {path: path.name[1:].rsplit(".", 2)[0].removesuffix(".sha256") for path in places}


def verified_files(folder: pathlib.Path) -> Iterator[tuple[pathlib.Path, DataFetchError | None]]:
    """Each single file and cached manifest with a known hash, with the problem found, or None."""
    of_registry = {entry["filename"]: entry for entry in registry()["files"].values()}
    for path in entries(folder, "files"):
        if path.suffix == ".sha256":
            continue
        published = re.fullmatch(r".+-([0-9a-f]{12})\.(?:h5|toml)", path.name)
        if path.name in of_registry:
            yield path, verify_file(path, of_registry[path.name])
        elif published:
            # The names of downloaded weights and cards contain the first digits of their hash.
            yield path, _compared(path, published[1])
        elif recorded := recorded_hash(path):
            yield path, _compared(path, recorded)
    for folder_of_address in entries(folder, "mirrors"):
        for kept in sorted(folder_of_address.iterdir()):
            if recorded := recorded_hash(kept):
                yield kept, _compared(kept, recorded)


def _compared(path: pathlib.Path, beginning: str) -> DataFetchError | None:
    got = cache.sha256_of(path)
    if got.startswith(beginning):
        return None
    return DataFetchError(
        "A file has changed since it was fetched.",
        where=path,
        expected=f"sha256 {beginning}" + "..." * (len(beginning) < 64),
        got=f"sha256 {got}",
        next="tell the administrator of the shared cache"
        if cache.is_shared(path)
        else "delete it; it is fetched again",
    )


def remove(folder: pathlib.Path, path: pathlib.Path, lock: str) -> int:
    """Remove one entry from a cache, and return its size in bytes; refused while another process is making it.

    Raises
    ------
    DataFetchError
        If another process is making it, or it cannot be removed.
    """
    size = folder_size(path)
    with cache.locked(folder, lock, wait=False):
        try:
            if path.is_dir():
                # Hidden from other processes first, so that none opens a half-deleted set.
                doomed = path.with_name(f".{path.name}.{os.getpid()}.part")
                path.rename(doomed)
                shutil.rmtree(doomed)
            else:
                path.unlink(missing_ok=True)
        except FileNotFoundError:
            return 0  # another process was faster
        except OSError as reason:
            raise cache.not_written(f"{path.name} could not be removed", path, reason) from None
    return size
