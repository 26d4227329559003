"""Take the wanted films out of an archive while it streams past, so that no archive is ever stored.

    bytes -> md5 -> gunzip -> tar -> the wanted members -> decode -> grey -> resize -> NAME.npy

A film is kept only when its bytes are confirmed: by its own md5, if the source states one for each film, and otherwise
by the md5 of the whole archive, which is known when its last byte has been read.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import pathlib
import shutil
import tarfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from data_fetch import transport
from data_fetch.errors import DataFetchError

# The longest film of NIH ChestX-ray14 has about 1 MB; a member that claims much more is not one.
LONGEST_FILM = 64 << 20


@dataclass(frozen=True)
class Archive:
    """One archive and the films wanted from it.

    Attributes
    ----------
    name : str
    address : str
        URL or path.
    wanted : mapping of file name -> md5 or None
        None where the source states no hash for each film.
    md5 : str or None
        Of the whole archive.
    """

    name: str
    address: str
    wanted: Mapping[str, str | None]
    md5: str | None


def decode_film(content: bytes, size: int, name: str) -> np.ndarray:
    """A film as (size, size) uint8, from the bytes of an image file.

    Colour (some originals are RGBA with three equal channels, some have a palette) becomes grey by Pillow's luma,
    which leaves equal channels as they are; transparency is ignored. Shrinking averages areas (Pillow's BOX filter,
    exact for the halves and quarters of 1024), enlarging is bicubic.

    Raises
    ------
    DataFetchError
        If the bytes are no image, or the film is not square.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            if image.mode.startswith("I") or image.mode == "F":
                # 16-bit greys, which Pillow's convert would clip at 255.
                high = np.asarray(image).astype(np.float64)
                grey = Image.fromarray(np.round(high / 65535 * 255).clip(0, 255).astype(np.uint8))
            else:
                grey = image.convert("RGB").convert("L") if image.mode != "L" else image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as reason:
        transport.refuse_html(content[:4096], name, "an image")
        raise DataFetchError(f"A film cannot be decoded ({reason}).", where=name, expected="a PNG image") from None
    if grey.width != grey.height:
        raise DataFetchError(
            "A film is not square, and squeezing it would change the shape of the heart.",
            where=name,
            expected="width and height the same",
            got=f"{grey.width} x {grey.height} pixels",
        )
    if grey.width != size:
        filter_ = Image.Resampling.BOX if size < grey.width else Image.Resampling.BICUBIC
        grey = grey.resize((size, size), filter_)
    return np.asarray(grey, dtype=np.uint8)


def film_path(folder: pathlib.Path, name: str) -> pathlib.Path:
    return folder / f"{name}.npy"


def kept_films(folder: pathlib.Path, size: int) -> set[str]:
    """Names of the confirmed films that an earlier run left in a folder. What cannot be read is removed."""
    kept = set()
    for path in folder.glob("*.npy") if folder.is_dir() else ():
        try:
            readable = np.load(path, mmap_mode="r").shape == (size, size)
        except (OSError, ValueError):
            readable = False
        if readable:
            kept.add(path.name.removesuffix(".npy"))
        else:
            path.unlink()
    return kept


def take_films(archive: Archive, folder: pathlib.Path, size: int, on_film: Callable[[], None] = lambda: None) -> None:
    """Write each wanted film of an archive to FOLDER/NAME.npy, uint8 (size, size).

    Films that are there already are not taken again.

    Raises
    ------
    DataFetchError
        If the archive cannot be reached, is no archive, is truncated or corrupted, lacks a wanted film, or a hash is
        not the expected one. Films that were not confirmed are gone then; with a wrong hash, all of this archive.
    """
    missing = {name: md5 for name, md5 in archive.wanted.items() if name not in kept_films(folder, size)}
    for _ in range(len(archive.wanted) - len(missing)):
        on_film()
    if not missing:
        return
    by_film = all(md5 is not None for md5 in missing.values())
    if not by_film and archive.md5 is None:
        raise DataFetchError(
            "Nothing states a hash for this archive, so nothing of it can be trusted.", where=archive.address
        )
    # Until the whole archive is confirmed its films wait in a folder that no later run looks into.
    target = folder if by_film else folder.with_name(folder.name + ".unconfirmed")
    if not by_film:
        shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True, exist_ok=True)
    try:
        got = _stream(archive, missing, target, size, whole=not by_film, on_film=on_film)
        if not by_film and got != archive.md5:
            raise _wrong_hash("An archive is not the published one", archive.address, archive.md5, got)
    except _WrongHash:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    else:
        if not by_film:
            folder.mkdir(parents=True, exist_ok=True)
            for path in target.iterdir():
                path.replace(folder / path.name)
    finally:
        if not by_film:
            shutil.rmtree(target, ignore_errors=True)


class _WrongHash(DataFetchError):
    pass


def _wrong_hash(what: str, where: str, expected: str | None, got: str) -> _WrongHash:
    return _WrongHash(
        f"{what}. Everything taken from this archive was thrown away.",
        where=where,
        expected=f"md5 {expected}",
        got=f"md5 {got}",
        next="run the same command again; if it happens twice, tell whoever runs the source or mirror",
    )


def _stream(
    archive: Archive,
    missing: Mapping[str, str | None],
    target: pathlib.Path,
    size: int,
    whole: bool,
    on_film: Callable[[], None],
) -> str:
    """Write the missing films; return the md5 of the archive if the whole of it was read."""
    left = dict(missing)
    md5 = hashlib.md5(usedforsecurity=False)
    with transport.opened(archive.address) as stream:
        stream.on_bytes = md5.update
        buffered = io.BufferedReader(stream, 1 << 20)
        start = buffered.peek(4096)[:4096]
        transport.refuse_html(start, archive.address, "a gzipped tar archive")
        if not start.startswith(b"\x1f\x8b"):
            raise DataFetchError(
                "This file is not a gzipped archive.",
                where=archive.address,
                expected="a file that begins with the bytes 1f 8b",
                got=f"{start[:8].hex(' ')} ..." if start else "an empty file",
                next="check DATA_FETCH_MIRROR",
            )
        with (
            _broken_archive(archive, stream),
            gzip.GzipFile(fileobj=buffered) as unzipped,
            tarfile.open(fileobj=unzipped, mode="r|", bufsize=1 << 20) as tar,
        ):
            for member in tar:
                # The path inside the archive is never used to write, so it cannot lead anywhere.
                name = member.name.rpartition("/")[2]
                if name not in left or not member.isreg():
                    continue
                _write_film(archive, member, tar, left.pop(name), target, size)
                on_film()
                if not left and not whole:
                    break  # each film is confirmed by itself, so the rest need not be read
            if whole:
                while unzipped.read(1 << 20):
                    pass
        if whole:
            while buffered.read(1 << 20):
                pass
    if whole and md5.hexdigest() != archive.md5:
        return md5.hexdigest()  # a wrong archive explains whatever it lacks
    if left:
        names = ", ".join(sorted(left)[:3]) + (" ..." if len(left) > 3 else "")
        raise DataFetchError(
            f"The archive does not hold {len(left)} of the {len(missing)} films wanted from it.",
            where=archive.address,
            expected=names,
            got=f"{stream.count:,} bytes read",
            next="check that the archive is complete and its manifest belongs to it",
        )
    return md5.hexdigest()


def _write_film(
    archive: Archive, member: tarfile.TarInfo, tar: tarfile.TarFile, md5: str | None, target: pathlib.Path, size: int
) -> None:
    name = member.name.rpartition("/")[2]
    where = f"{name} in {archive.address}"
    if member.size > LONGEST_FILM:
        raise DataFetchError("A film is far too long to be one.", where=where, got=f"{member.size:,} bytes")
    file = tar.extractfile(member)
    content = file.read() if file else b""
    if len(content) != member.size:
        raise EOFError(f"{name} ends early")
    if md5 is not None:
        got = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if got != md5:
            raise _wrong_hash("A film is not the one that the manifest of the mirror names", where, md5, got)
    path = film_path(target, name)
    part = path.with_suffix(".part")
    with part.open("wb") as out:
        np.save(out, decode_film(content, size, where))
    os.replace(part, path)


@contextlib.contextmanager
def _broken_archive(archive: Archive, stream: transport.Stream):
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError) as reason:
        raise DataFetchError(
            f"The archive is truncated or corrupted ({reason}).",
            where=archive.address,
            expected=f"md5 {archive.md5}" if archive.md5 else "a whole gzipped tar archive",
            got=f"an archive that breaks off or is damaged within its first {stream.count:,} bytes",
            next="run the same command again; confirmed films are kept. If it happens twice, the source is damaged",
        ) from None
