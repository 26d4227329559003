"""Where NIH films come from: the official archives, or those of a mirror (DATA_FETCH_MIRROR) under the official names.

A mirror with a ``manifest.csv`` (at least the columns archive, image_index and md5) states which films it holds and the
md5 of each, and the selection rule is applied to those; a mirror without one is treated as a copy of the official
archives and must have their md5.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import pathlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from data_fetch.errors import DataFetchError
from data_fetch.store import cache, files
from data_fetch.store.atomic import write_atomically
from data_fetch.store.mirror import not_written
from data_fetch.transfer import transport

MANIFEST = "manifest.csv"


@dataclass(frozen=True, eq=False)
class Origin:
    """Where NIH films come from.

    Attributes
    ----------
    key : str
        "official", or "mirror-" and the first digits of the sha256 of the mirror's manifest: the same films are the same
        stored set, wherever they come from.
    address : str or None
        The mirror's URL or folder; None for the official addresses.
    manifest : bytes
        The mirror's manifest.csv; empty for the official archives or a copy of them.
    """

    key: str
    address: str | None
    manifest: bytes = b""

    @property
    def films(self) -> Mapping[str, tuple[str, str]] | None:
        """Film name -> (archive, md5) from the mirror's manifest; None without one."""
        return _parse(self.manifest, self.address or "") if self.manifest else None


def find_origin(folder: pathlib.Path, refresh: bool = False) -> Origin:
    """The mirror named by DATA_FETCH_MIRROR, or the official archives.

    Parameters
    ----------
    folder : Path
        The user's cache. A URL's manifest is kept there, or in a shared cache, so that a set in the cache needs no
        network; its sha256 is stored with it, because its content determines the films and the name of the set.
    refresh : bool
        Whether to fetch a URL's manifest again if it is cached.

    Raises
    ------
    DataFetchError
        If the mirror cannot be reached, or its manifest cannot be read, differs from the cached one or cannot be stored.
    """
    address = transport.mirror_address()
    if address is None:
        return Origin("official", None)
    if not transport.is_url(address):
        return _origin(address, _read_manifest(address))
    kept = pathlib.Path("mirrors", hashlib.sha256(address.encode()).hexdigest()[:16], MANIFEST)
    if not refresh:
        folder = next((place for place in cache.shared_folders() if (place / kept).is_file()), folder)
    path = folder / kept
    try:
        content = _kept_or_read(address, path, refresh)
        if content and path.is_file():
            files.same_as_recorded(path, refresh)
    except OSError as reason:
        raise cache.not_written("The manifest of the mirror could not be stored", folder, reason) from None
    return _origin(address, content)


def _origin(address: str, content: bytes) -> Origin:
    if not content:
        return Origin("official", address)
    return Origin("mirror-" + hashlib.sha256(content).hexdigest()[:12], address, content)


def _kept_or_read(address: str, path: pathlib.Path, refresh: bool) -> bytes:
    """The manifest of a mirror at a URL: from the cache, else downloaded and cached."""
    if path.is_file() and (not refresh or transport.offline()):
        return path.read_bytes()
    try:
        content = _read_manifest(address)
    except transport.CannotReach:
        if not path.is_file():
            raise
        return path.read_bytes()
    if content:
        _parse(content, address)  # a login page must not be cached as a manifest
    write_atomically(path, content)
    return content


def _read_manifest(address: str) -> bytes:
    try:
        return transport.read_small(transport.join(address, MANIFEST))
    except transport.NotThere:
        return b""  # a copy of the official archives


@functools.lru_cache(maxsize=4)
def _parse(content: bytes, address: str) -> dict[str, tuple[str, str]]:
    where = transport.join(address, MANIFEST)
    transport.refuse_html(content[:4096], where, "a table with the columns archive, image_index and md5")
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        films = {row["image_index"]: (row["archive"], row["md5"].lower()) for row in rows}
    except (UnicodeDecodeError, csv.Error, KeyError, AttributeError) as reason:
        raise DataFetchError(
            f"The manifest of the mirror cannot be read ({type(reason).__name__}: {reason}).",
            where=where,
            expected="a CSV table with the columns archive, image_index and md5",
            next="check DATA_FETCH_MIRROR",
        ) from None
    for name, (archive, md5) in films.items():
        if not re.fullmatch(r"[\w.-]+\.tar\.gz", archive) or not re.fullmatch(r"[0-9a-f]{32}", md5):
            raise DataFetchError(
                "The manifest of the mirror has a row without a valid archive name or md5.",
                where=where,
                expected="NAME.tar.gz and 32 hexadecimal digits",
                got=f"{name}: {archive!r}, {md5!r}",
            )
    return films


def keep_manifest(origin: Origin, target: pathlib.Path) -> None:
    """Copy the manifest of a mirror of NIH films into a new mirror: the names of their sets depend on it.

    Raises
    ------
    DataFetchError
        If the folder mirrors a different selection, or cannot be written.
    """
    path = target / MANIFEST
    if not origin.manifest:
        return
    if path.is_file() and path.read_bytes() != origin.manifest:
        raise DataFetchError(
            "This folder mirrors a different selection of NIH films.", where=path, next="choose an empty folder"
        )
    try:
        write_atomically(path, origin.manifest)
    except OSError as reason:
        raise not_written(target, reason) from None
