"""Which labs are unchanged since `autograder prove` passed: a digest of the sources of each proved lab."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from autograder.course.course import Course
from autograder.course.lab_course import choices_for
from data_fetch.store.atomic import write_atomically


def keep(course: Course, lab: Path, holds: bool) -> None:
    """Records whether the current state of the lab in this folder passed."""
    path = _path(course, lab)
    with contextlib.suppress(OSError):  # a read-only course can still be proved
        if holds:
            write_atomically(path, _digest(lab))
        else:
            path.unlink(missing_ok=True)


def holds(course: Course, lab: Path) -> bool:
    """Whether the lab in this folder passed when last proved, and its sources have not changed since."""
    try:
        return _path(course, lab).read_text(encoding="utf-8") == _digest(lab)
    except OSError:
        return False


def _path(course: Course, lab: Path) -> Path:
    return course.state / "proved" / lab.name


def _digest(lab: Path) -> str:
    """A digest of the notebooks' sources, hidden checks and wrong answers, and of what course.toml says about the lab."""
    digest = hashlib.sha256(choices_for(lab).text().encode())
    for path in sorted(lab.rglob("*.py")):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(lab).as_posix()}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()
