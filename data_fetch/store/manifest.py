"""The manifest of a stored set: the bytes and sha256 of each of its files, written when the set is complete."""

from __future__ import annotations

import pathlib
import re
import tomllib
from typing import Any

from data_fetch.errors import DataFetchError
from data_fetch.store import tomltext
from data_fetch.store.cache import again, sha256_of

MANIFEST = "manifest.toml"


def read_manifest(folder: pathlib.Path) -> dict[str, Any]:
    """Bytes and sha256 of each file of a stored set, by path relative to its folder.

    Raises
    ------
    DataFetchError
        If there is none, or it was not written by `write_manifest`.
    """
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
    """The files in a manifest, each with `bytes` and `sha256`; ValueError for anything but plain relative names."""
    table = tomllib.loads(content.decode("utf-8"))
    files = table.get("files")
    if set(table) != {"files"} or not isinstance(files, dict) or not files:
        raise ValueError("it must have a table of files and nothing else")
    for name, entry in files.items():
        if not isinstance(entry, dict) or set(entry) != {"bytes", "sha256"}:
            raise ValueError(f"{name!r} needs bytes and sha256")
        size, digest = entry["bytes"], entry["sha256"]
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise ValueError(f"{name!r} has {size!r} bytes")
        if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError(f"{name!r} has no valid sha256")
        parts = name.split("/")
        if not all(parts) or {".", ".."} & set(parts) or re.search(r"[\\:\x00-\x1f]", name):
            raise ValueError(f"{name!r} is not a plain path inside the folder of the set")
    return dict(files)


def write_manifest(folder: pathlib.Path) -> None:
    """Hash every file of a complete set, and write its manifest into its folder; OSError if that cannot be written."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    entries = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in files
    }
    (folder / MANIFEST).write_text(tomltext.dumps({"files": entries}), encoding="utf-8")


def check_sizes(folder: pathlib.Path) -> None:
    """Raise unless each file of a stored set has the size stated in its manifest.

    A memory-mapped file that is too short kills the process when its end is read, so this is checked at each load;
    hashes are checked by :func:`verify`, which reads everything.

    Raises
    ------
    DataFetchError
        If a file is missing or has a different size, or the manifest cannot be read.
    """
    for name, entry in read_manifest(folder).items():
        path = folder / name
        got = path.stat().st_size if path.is_file() else None
        if got != entry["bytes"]:
            raise DataFetchError(
                "A file of a stored set " + ("is missing." if got is None else "has the wrong size."),
                where=path,
                expected=f"{entry['bytes']:,} bytes",
                got="no file" if got is None else f"{got:,} bytes",
                next=again(folder),
            )


def verify(folder: pathlib.Path) -> list[DataFetchError]:
    """Re-hash every file of a stored set; one error for each that has changed."""
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
                    "A file of a stored set has changed since it was written.",
                    where=folder / name,
                    expected=f"sha256 {entry['sha256']}",
                    got=f"sha256 {got}",
                    next=again(folder),
                )
            )
    return problems
