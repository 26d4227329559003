"""Mirrors of stored sets: MIRROR/sets/ID/, written by ``data-fetch mirror`` and read from a URL or a folder."""

from __future__ import annotations

import pathlib
import shutil

from data_fetch.errors import DataFetchError
from data_fetch.store import manifest
from data_fetch.store.atomic import FOR_ALL, fresh_file, fresh_folder
from data_fetch.store.cache import sha256_of
from data_fetch.transfer import transport


def copy_from_mirror(set_id: str, part: pathlib.Path) -> bool:
    """Copy a stored set from the mirror into an existing empty folder; False if there is no mirror or no such set.

    Raises
    ------
    DataFetchError
        If the mirror cannot be reached, or a file does not match the mirror's manifest.
    """
    mirror = transport.mirror_address()
    if mirror is None or (transport.is_url(mirror) and transport.offline()):
        return False
    base = transport.join(mirror, f"sets/{set_id}")
    address = transport.join(base, manifest.MANIFEST)
    try:
        content = transport.read_small(address)
    except transport.NotThere:
        return False
    transport.refuse_html(content[:4096], address, "the manifest of a stored set")
    try:
        files = manifest.checked_manifest(content)
    except ValueError as reason:
        raise DataFetchError(
            f"The manifest of a mirrored set cannot be read ({reason}).",
            where=address,
            expected="a list of files with bytes and sha256",
            next="run data-fetch mirror again on the machine that made the mirror",
        ) from None
    for name, entry in files.items():
        _copy(transport.join(base, name), part / name, entry["bytes"], entry["sha256"])
    return True


def _copy(address: str, path: pathlib.Path, size: int, sha256: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    count, got = transport.save(address, path, "sha256", path.name, at_most=size)
    if count != size or got != sha256:
        raise DataFetchError(
            "A file of a mirror or stored set does not match its manifest.",
            where=address,
            expected=f"{size:,} bytes, sha256 {sha256}",
            got=f"{'more than that' if count > size else f'{count:,} bytes'}, sha256 {got}",
            next="run data-fetch verify, then data-fetch mirror, on the machine that made the mirror",
        )


def write_mirror(stored: pathlib.Path, target: pathlib.Path) -> bool:
    """Copy a stored set into TARGET/sets/, completely or not at all; False if it is already there.

    Raises
    ------
    DataFetchError
        If the stored set is damaged, or the mirror cannot be written.
    """
    files = manifest.read_manifest(stored)
    folder = target / "sets" / stored.name
    try:
        if folder.is_dir():
            if not manifest.verify(folder) and manifest.read_manifest(folder) == files:
                return False
            shutil.rmtree(folder)
        with fresh_folder(folder, for_all=True) as part:
            for name, entry in files.items():
                _copy(str(stored / name), part / name, entry["bytes"], entry["sha256"])
            shutil.copyfile(stored / manifest.MANIFEST, part / manifest.MANIFEST)
    except OSError as reason:
        raise not_written(target, reason) from None
    return True


def write_mirror_file(path: pathlib.Path, target: pathlib.Path) -> bool:
    """Copy a single cached file into TARGET/files/, completely or not at all; False if it is already there.

    Raises
    ------
    DataFetchError
        If the mirror cannot be written.
    """
    copy = target / "files" / path.name
    try:
        sha256 = sha256_of(path)
        if copy.is_file() and sha256_of(copy) == sha256:
            return False
        copy.parent.mkdir(parents=True, exist_ok=True)
        with fresh_file(copy, FOR_ALL) as part:
            _copy(str(path), part, path.stat().st_size, sha256)
    except OSError as reason:
        raise not_written(target, reason) from None
    return True


def not_written(target: pathlib.Path, reason: OSError) -> DataFetchError:
    """The error for a mirror that cannot be written."""
    return DataFetchError(
        f"The mirror could not be written ({reason.strerror or reason}).",
        where=target,
        expected="a folder that this user can write to, with enough free space",
        next="free some space or choose another folder; completed sets and files are kept and not copied again",
    )
