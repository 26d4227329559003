"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def fresh_file(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """A temporary file beside `path`, which takes its place when the block ends without an error.

    A reader, or a crash, sees either the old file or the new one.

    Parameters
    ----------
    path : Path
        Its folder is made where it is missing.
    mode : int
        Who may read it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, mode)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def write_atomically(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Writes a file so that a reader, or a crash, sees either the old one or the new one.

    Parameters
    ----------
    path : Path
        Its folder is made where it is missing.
    content : str or bytes
        Text is written as UTF-8. A file that holds exactly this already is left alone.
    mode : int
        Who may read it.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == data:
        return
    with fresh_file(path, mode) as fresh:
        _write(fresh, data)


def create_atomically(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Writes a file that is not there yet; where another process is quicker, its file stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name[:40]}.") as folder:
        fresh = Path(folder, "part")
        _write(fresh, content)
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
    old = aside or new.with_name(f"{new.name}.old")
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


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
