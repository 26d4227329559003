"""Write files and folders completely or not at all.

Uses the standard library only: every part of the course writes its files through this module.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOR_ALL = 0o644  # files in a shared cache or a course are readable for everybody, whatever the umask


@contextmanager
def fresh_file(path: str | os.PathLike, mode: int | None = None, suffix: str = ".part") -> Iterator[Path]:
    """A temporary path next to `path` to write to, which replaces `path` when the block ends without an error.

    A reader, or a crash, sees either the old file or the new one. Leftovers of a killed writer next to `path` are removed
    by the next writer once they are a day old.

    Parameters
    ----------
    path : path
        Its folder must exist.
    mode : int, optional
        File mode; by default determined by the umask.
    suffix : str
        Suffix of the temporary name, for writers that depend on it.

    Raises
    ------
    OSError
        If it cannot be written; nothing is then left next to `path`.
    """
    path = Path(path)
    remove_left_overs(path, older_than=24 * 3600, suffix=suffix)
    part = path.with_name(f"{_beginning(path)}{secrets.token_hex(4)}{suffix}")
    try:
        yield part
        _onto_the_disk(part)
        if mode is not None:
            os.chmod(part, mode)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def fresh_folder(path: Path, replace: bool = False, for_all: bool = False) -> Iterator[Path]:
    """An empty folder next to `path`, which becomes `path` when the block ends without an error; else it is deleted.

    Leftovers of a killed writer next to `path` are removed by the next writer once they are a day old.

    Parameters
    ----------
    replace : bool
        Whether it replaces an existing folder; there is none for a moment in between.
    for_all : bool
        Whether everybody may read it and its parent folder, whatever the umask.

    Raises
    ------
    OSError
        If it cannot be created, or `path` exists and `replace` is False.
    """
    remove_left_overs(path, older_than=24 * 3600)
    part = path.with_name(f"{_beginning(path)}{secrets.token_hex(4)}.part")
    try:
        part.mkdir(parents=True)
        yield part
        if for_all:
            _open_for_all(part)
        if replace:
            replace_folder(part, path)
        else:
            part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _open_for_all(folder: Path) -> None:
    for path, _, files in os.walk(folder):
        os.chmod(path, 0o755)
        for name in files:
            os.chmod(os.path.join(path, name), FOR_ALL)
    with contextlib.suppress(OSError):  # another user's, who has opened it
        os.chmod(folder.parent, 0o755)


def remove_left_overs(path: Path, older_than: float = 0, suffix: str = ".part") -> None:
    """Delete the leftovers of killed writers next to `path`.

    Parameters
    ----------
    older_than : float
        Seconds. 0 only if the caller knows that no other process writes `path`.
    """
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            number = entry.name.removeprefix(_beginning(path)).removesuffix(suffix).removesuffix(".old")
            if entry.name.startswith(_beginning(path)) and entry.name.endswith(suffix) and "." not in number:
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime < older_than:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(entry, ignore_errors=True)
                    else:
                        os.unlink(entry)


def _beginning(path: Path) -> str:
    """The prefix of a file's temporary names: unique to the file and never too long for a file system."""
    long = len(os.fsencode(path.name)) > 200
    return f".{path.name[:40]}-{zlib.crc32(os.fsencode(path.name)):08x}." if long else f".{path.name}."


def write_atomically(path: Path, content: str | bytes, mode: int | None = FOR_ALL) -> None:
    """Write a file so that a reader, or a crash, sees either the old one or the new one.

    Parameters
    ----------
    path : Path
        Its folder is created if it is missing.
    content : str or bytes
        Text is written as UTF-8. A file that already has this content is not touched.
    mode : int, optional
        File mode; None: determined by the umask.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with fresh_file(path, mode) as fresh:
        fresh.write_bytes(data)


def create_atomically(path: Path, content: bytes, mode: int | None = FOR_ALL) -> None:
    """Write a file that does not exist yet; if another process is faster, its file is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name[:40]}.") as folder:
        fresh = Path(folder, "part")
        fresh.write_bytes(content)
        _onto_the_disk(fresh)
        if mode is not None:
            os.chmod(fresh, mode)
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)


def replace_folder(new: Path, place: Path, aside: Path | None = None) -> None:
    """Replace a folder with another.

    Parameters
    ----------
    new : Path
        On the same disk as `place`.
    place : Path
        Need not exist. The old folder is restored if `new` cannot be moved.
    aside : Path, optional
        Where to keep the old folder; by default it is deleted once the new one is in place.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    old = aside or new.with_name(f"{new.name.removesuffix('.part')}.old.part")
    if aside is None:
        shutil.rmtree(old, ignore_errors=True)  # leftovers of a killed run
    old.parent.mkdir(parents=True, exist_ok=True)
    replaced = place.exists()
    if replaced:
        os.replace(place, old)
    try:
        os.replace(new, place)
    except OSError:
        if replaced:
            os.replace(old, place)
        raise
    if aside is None:
        shutil.rmtree(old, ignore_errors=True)


def _onto_the_disk(path: Path) -> None:
    """Flush to disk, so that a crash of the machine does not leave the new name of a file without its content."""
    with open(path, "r+b") as file:  # Windows requires write access
        os.fsync(file.fileno())
