"""Which labs are as `autograder prove` found them: a digest of the sources of each lab that was as stated."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from autograder.course.course import Course
from data_fetch.store.atomic import write_atomically


def keep(course: Course, lab: Path, holds: bool) -> None:
    """Notes that the lab in this folder, as it is now, was as stated, or was not."""
    path = _path(course, lab)
    with contextlib.suppress(OSError):  # a course that cannot be written is proved all the same
        if holds:
            write_atomically(path, _digest(lab))
        else:
            path.unlink(missing_ok=True)


def holds(course: Course, lab: Path) -> bool:
    """Whether the lab in this folder was as stated when it was last proved, and no source of it has changed since."""
    try:
        return _path(course, lab).read_text(encoding="utf-8") == _digest(lab)
    except OSError:
        return False


def _path(course: Course, lab: Path) -> Path:
    return course.state / "proved" / lab.name


def _digest(lab: Path) -> str:
    """Of the notebooks' sources, hidden checks and wrong answers."""
    digest = hashlib.sha256()
    for path in sorted(lab.rglob("*.py")):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(lab).as_posix()}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()
