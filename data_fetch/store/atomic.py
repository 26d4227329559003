"""Files and folders that are there whole or not at all.

With the standard library alone: `python -m medxai submit` needs nothing else, and comes by this way too.
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

FOR_ALL = 0o644  # what lies in a shared cache or a course is for everybody, whatever the umask


@contextmanager
def fresh_file(path: str | os.PathLike, mode: int | None = None, suffix: str = ".part") -> Iterator[Path]:
    """A place beside `path` to write to, which takes the place of `path` when the block ends without an error.

    A reader, or a crash, sees either the old file or the new one. What a writer that was killed left beside `path` is
    removed by the next one, once it is a day old.

    Parameters
    ----------
    path : path
        Its folder must be there.
    mode : int, optional
        Who may read it; by default as the umask says.
    suffix : str
        Of the name meanwhile, for writers that look at it.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left beside `path` then.
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
    """An empty folder beside `path`, which becomes `path` when the block ends without an error; else it is deleted.

    What a writer that was killed left beside `path` is removed by the next one, once it is a day old.

    Parameters
    ----------
    replace : bool
        Whether it takes the place of a folder that is there. For a moment there is none then.
    for_all : bool
        Whether everybody may read it, and the folder around it, whatever the umask.

    Raises
    ------
    OSError
        If it cannot be made, or `path` is there and not to be replaced.
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
    """Deletes what writers of `path` that were killed left beside it.

    Parameters
    ----------
    older_than : float
        Seconds. 0 only where the caller knows that nobody else writes `path`.
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
    """Of the names that files have meanwhile: no two files' are the same, and none is too long for a disk."""
    long = len(os.fsencode(path.name)) > 200
    return f".{path.name[:40]}-{zlib.crc32(os.fsencode(path.name)):08x}." if long else f".{path.name}."


def write_atomically(path: Path, content: str | bytes, mode: int | None = FOR_ALL) -> None:
    """Writes a file so that a reader, or a crash, sees either the old one or the new one.

    Parameters
    ----------
    path : Path
        Its folder is made where it is missing.
    content : str or bytes
        Text is written as UTF-8. A file that holds exactly this already is left alone.
    mode : int, optional
        Who may read it; None: as the umask says.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with fresh_file(path, mode) as fresh:
        fresh.write_bytes(data)


def create_atomically(path: Path, content: bytes, mode: int | None = FOR_ALL) -> None:
    """Writes a file that is not there yet; where another process is quicker, its file stays."""
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
    """Puts a folder in the place of another.

    Parameters
    ----------
    new : Path
        On the same disk as `place`.
    place : Path
        Need not exist. What stood there comes back where `new` cannot be moved.
    aside : Path, optional
        Where what stood there is kept; by default it is deleted, after the new folder is in place.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    old = aside or new.with_name(f"{new.name.removesuffix('.part')}.old.part")
    if aside is None:
        shutil.rmtree(old, ignore_errors=True)  # what a run that was killed left behind
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
    """So that a machine that stops does not keep the new name of a file without its content."""
    with open(path, "r+b") as file:  # Windows wants to write
        os.fsync(file.fileno())
