"""One archive: stream its members, decode the wanted films and confirm them.

For films that cannot be confirmed yet see `data_fetch.transfer.archives`.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import pathlib
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from data_fetch.errors import DataFetchError
from data_fetch.transfer import transport, unpacking
from data_fetch.transfer.decoding import decode_film
from data_fetch.transfer.readahead import ReadAhead, Stopped


@dataclass(frozen=True)
class Archive:
    """One archive and the films wanted from it.

    Attributes
    ----------
    name : str
    address : str
        URL or path.
    wanted : mapping of file name -> md5 or None
        None if the source does not state a hash for each film.
    md5 : str or None
        Hash of the whole archive.
    """

    name: str
    address: str
    wanted: Mapping[str, str | None]
    md5: str | None


def film_path(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Path of a film in the folder of its archive."""
    return folder / f"{name}.npy"


def kept_films(folder: pathlib.Path, size: int) -> set[str]:
    """Names of the confirmed films left in a folder by an earlier run. Unreadable files are removed."""
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


def missing_films(archive: Archive, pieces: pathlib.Path, size: int) -> dict[str, str | None]:
    """The films wanted from an archive that are not among the confirmed films in PIECES/ARCHIVE."""
    kept = kept_films(pieces / archive.name, size)
    return {name: md5 for name, md5 in archive.wanted.items() if name not in kept}


class Decoders:
    """The shared decoding threads, for one archive: the number of queued films is bounded, the first problem is raised."""

    def __init__(self, pool: ThreadPoolExecutor, slots: threading.BoundedSemaphore) -> None:
        self._pool, self._slots = pool, slots
        self._running: set[Future[None]] = set()
        self._problem: BaseException | None = None

    def submit(self, function: Callable[..., None], *arguments: object) -> None:
        """Run a function in a shared thread as soon as a slot is free; raises the first problem of an earlier call."""
        self._slots.acquire()
        try:
            future = self._pool.submit(function, *arguments)
        except BaseException:
            self._slots.release()
            raise
        self._running.add(future)
        future.add_done_callback(self._done)
        self._raise()

    def _done(self, future: Future[None]) -> None:
        self._slots.release()
        if not future.cancelled() and (problem := future.exception()) and self._problem is None:
            self._problem = problem
        self._running.discard(future)

    def _raise(self) -> None:
        if self._problem is not None:
            raise self._problem

    def finish(self) -> None:
        """Wait for all films; raise the first problem."""
        futures = list(self._running)
        wait(futures)
        for future in futures:  # their callbacks may run slightly later
            future.result()
        self._raise()

    def settle(self) -> None:
        """Wait until no call is running, whatever its result: films that have arrived are worth keeping."""
        wait(list(self._running))


class _WrongHash(DataFetchError):
    pass


def _wrong_hash(what: str, where: str, expected: str | None, got: str) -> _WrongHash:
    return _WrongHash(
        f"{what}. All films from this archive were deleted.",
        where=where,
        expected=f"md5 {expected}",
        got=f"md5 {got}",
        next="run the same command again; if it happens twice, tell the administrator of the source or mirror",
    )


class ArchiveReader:
    """Extracts the missing films of one archive into a folder."""

    def __init__(
        self,
        archive: Archive,
        folder: pathlib.Path,
        size: int,
        on_film: Callable[[], None],
        decoders: Decoders,
        stop: threading.Event,
    ) -> None:
        self.archive, self.folder, self.size, self.on_film = archive, folder, size, on_film
        self.decoders, self.stop = decoders, stop
        self.missing = missing_films(archive, folder.parent, size)
        self.by_film = all(md5 is not None for md5 in self.missing.values())
        # Until the whole archive is confirmed, its films are in a folder from which nothing is served.
        self.target = folder if self.by_film else folder.with_name(folder.name + ".unconfirmed")
        self.unconfirmed: dict[str, str] = {}  # film -> sha256 of the file it was decoded from

    def take(self) -> None:
        """Read the archive until no film is missing, and keep those confirmed by hashes.

        Raises
        ------
        DataFetchError
            If no hash is stated, a hash is wrong (then all films from this archive are deleted), the archive is damaged or
            cannot be reached, or it lacks a wanted film.
        """
        for _ in range(len(self.archive.wanted) - len(self.missing)):
            self.on_film()
        if not self.missing:
            return
        if not self.by_film and self.archive.md5 is None:
            raise DataFetchError(
                "No hash is stated for this archive, so its content cannot be trusted.", where=self.archive.address
            )
        self.target.mkdir(parents=True, exist_ok=True)
        if not self.by_film:
            self._find_unconfirmed()
        try:
            left = self._stream()
        except _WrongHash:
            for folder in (self.folder, self.target):
                shutil.rmtree(folder, ignore_errors=True)
            raise
        if not self.by_film:
            self._confirm(self.missing.keys() - left.keys())
        if left:
            names = ", ".join(sorted(left)[:3]) + (" ..." if len(left) > 3 else "")
            raise DataFetchError(
                f"The archive lacks {len(left)} of the {len(self.missing)} films wanted from it.",
                where=self.archive.address,
                expected=f"{names}, as regular files",
                got=f"{self.reader.count:,} bytes read",
                next="check that the archive is complete and matches its manifest",
            )

    def _find_unconfirmed(self) -> None:
        for kept in kept_films(self.target, self.size):
            name, _, sha256 = kept.rpartition(".")
            if name in self.missing and name not in self.unconfirmed and re.fullmatch("[0-9a-f]{64}", sha256):
                self.unconfirmed[name] = sha256
            else:
                film_path(self.target, kept).unlink()

    def _confirm(self, seen: set[str]) -> None:
        """Keep only films seen in this run: those left by an earlier run may never have been in the archive."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in seen:
            film_path(self.target, f"{name}.{self.unconfirmed[name]}").replace(film_path(self.folder, name))
        shutil.rmtree(self.target, ignore_errors=True)

    def _stream(self) -> dict[str, str | None]:
        """Read the archive, write and confirm the missing films, and return those that were not found."""
        address, left = self.archive.address, dict(self.missing)
        md5 = None if self.by_film else hashlib.md5(usedforsecurity=False)
        self.reader = ReadAhead(address, self.stop, md5.update if md5 else None)
        try:
            chunks = iter(self.reader)
            start = next(chunks, memoryview(b""))
            self._refuse_other_files(bytes(start[:4096]))
            with self._broken_archive():
                unzipped = unpacking.Unzipped(itertools.chain([start], chunks))
                for member in unpacking.members(unzipped):
                    # The path inside the archive is never used for writing, so it is harmless.
                    name = member.name.rpartition("/")[2]
                    if name not in left:
                        continue
                    content = unzipped.content(member.size)
                    self.decoders.submit(self._write, name, content, left.pop(name))
                    if self.by_film and not left:
                        break  # each film is confirmed individually, so the rest need not be read
            if md5:
                for _ in chunks:  # data after the tar only count for the hash
                    pass
            self.decoders.finish()
        finally:
            self.reader.close()
            self.decoders.settle()
        if md5 and md5.hexdigest() != self.archive.md5:
            raise _wrong_hash("The archive differs from the published one", address, self.archive.md5, md5.hexdigest())
        return left

    def _write(self, name: str, content: bytes, md5: str | None) -> None:
        """Confirm and decode one film, in one of the decoding threads."""
        if self.stop.is_set():
            raise Stopped
        where = f"{name} in {self.archive.address}"
        path = film_path(self.target, name)
        if self.by_film:
            got = hashlib.md5(content, usedforsecurity=False).hexdigest()
            if got != md5:
                raise _wrong_hash("A film does not match the manifest of the mirror", where, md5, got)
        else:
            sha256 = hashlib.sha256(content).hexdigest()
            if self.unconfirmed.get(name) == sha256:
                self.on_film()
                return
            path = film_path(self.target, f"{name}.{sha256}")
        film = decode_film(content, self.size, where)
        # Without the clean-up and fsync of `store.atomic`: there are thousands of films, and incomplete ones are extracted
        # again.
        part = path.with_suffix(".part")
        try:
            with part.open("wb") as out:
                np.save(out, film)
            os.replace(part, path)
        except OSError:
            part.unlink(missing_ok=True)  # a full disk needs the space
            raise
        if not self.by_film:
            before, self.unconfirmed[name] = self.unconfirmed.get(name), sha256
            if before:
                film_path(self.target, f"{name}.{before}").unlink(missing_ok=True)
        self.on_film()

    def _refuse_other_files(self, start: bytes) -> None:
        transport.refuse_html(start, self.archive.address, "a gzipped tar archive")
        if not start.startswith(b"\x1f\x8b"):
            raise DataFetchError(
                "This file is not a gzipped archive.",
                where=self.archive.address,
                expected="a file that begins with the bytes 1f 8b",
                got=f"{start[:8].hex(' ')} ..." if start else "an empty file",
                next="check DATA_FETCH_MIRROR",
            )

    @contextlib.contextmanager
    def _broken_archive(self) -> Iterator[None]:
        try:
            yield
        except unpacking.DAMAGE as reason:
            md5 = self.archive.md5
            raise DataFetchError(
                f"The archive is truncated or corrupted ({reason}).",
                where=self.archive.address,
                expected=f"md5 {md5}" if md5 else "a complete gzipped tar archive",
                got=f"an archive that ends or is damaged within its first {self.reader.count:,} bytes",
                next="run the same command again; confirmed films are kept. If it happens twice, the source is damaged",
            ) from None
