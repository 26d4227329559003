"""Mirrors of stored sets: MIRROR/sets/ID/, as ``data-fetch mirror`` writes them, read by a URL or as a folder."""

from __future__ import annotations

import hashlib
import pathlib
import secrets
import shutil
import tomllib

from data_fetch import cache, transport
from data_fetch.errors import DataFetchError


def copy_from_mirror(set_id: str, part: pathlib.Path) -> bool:
    """Copy a stored set from the mirror into an existing empty folder; False if there is no mirror or no such set.

    Raises
    ------
    DataFetchError
        If the mirror cannot be reached, or a file is not what the mirror's manifest names.
    """
    mirror = transport.mirror_address()
    if mirror is None or (transport.is_url(mirror) and cache.offline()):
        return False
    base = transport.join(mirror, f"sets/{set_id}")
    address = transport.join(base, cache.MANIFEST)
    try:
        content = transport.read_small(address)
    except transport.NotThere:
        return False
    transport.refuse_html(content[:4096], address, "the manifest of a stored set")
    try:
        files = tomllib.loads(content.decode("utf-8"))["files"]
        wanted = {str(name): (int(entry["bytes"]), str(entry["sha256"])) for name, entry in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as reason:
        raise DataFetchError(f"The manifest of a mirrored set cannot be read ({reason}).", where=address) from None
    for name, (size, sha256) in wanted.items():
        if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
            raise DataFetchError("A mirrored set names a file outside its folder.", where=address, got=repr(name))
        _copy(transport.join(base, name), part / name, size, sha256)
    return True


def _copy(address: str, path: pathlib.Path, size: int, sha256: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, count = hashlib.sha256(), 0
    with transport.opened(address) as stream, path.open("wb") as out:
        while data := stream.read(1 << 20):
            if not count:
                transport.refuse_html(data[:4096], address, path.name)
            count += len(data)
            if count > size:
                break
            digest.update(data)
            out.write(data)
    if count != size or digest.hexdigest() != sha256:
        raise DataFetchError(
            "A file of the mirror is not the one that its manifest names.",
            where=address,
            expected=f"{size:,} bytes, sha256 {sha256}",
            got=f"{'more than that' if count > size else f'{count:,} bytes'}, sha256 {digest.hexdigest()}",
            next="run data-fetch mirror again on the machine that made the mirror",
        )


def write_mirror(stored: pathlib.Path, target: pathlib.Path) -> bool:
    """Copy a stored set into TARGET/sets/, whole or not at all; False if it is there already."""
    if problems := cache.verify(stored):
        raise problems[0]
    folder = target / "sets" / stored.name
    if folder.is_dir():
        if not cache.verify(folder) and cache.read_manifest(folder) == cache.read_manifest(stored):
            return False
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        shutil.copytree(stored, part)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return True
