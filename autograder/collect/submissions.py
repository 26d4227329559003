"""Submitted folders, which may contain anything: who handed in what and when, and which files they contain."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.plain_text import plain

COLLECTED = ("submission.json", "timestamp.txt")  # written by `autograder collect` or by nbgrader, not by the student
MOST_OTHER_BYTES, DEEPEST = 100 << 20, 8  # of the files that a student may add next to the notebooks
LONGEST_NAME = (
    200  # bytes of a student's name; file names have at most 255, and ours are longer than the student's name
)
PATTERN = "*?["


def students(course: Course, lab: str, student: str | None = None) -> list[str]:
    """The students who have submitted an assignment, except those refused by `refuse_names`.

    Raises
    ------
    AutograderError
        If there are none, or the named one is not among them.
    """
    found = sorted({p.parent.name for p in course.submitted.glob(f"*/{lab}") if not p.parent.name.startswith(".")})
    found = [name for name in found if _can_be_named(name)]
    if student is not None and student not in found:
        raise AutograderError(
            f"{student} has not submitted {lab}: there is no folder {course.submitted / student / lab}. "
            f"Submitted: {', '.join(found) or 'none yet'}. To collect files: {course.collecting}"
        )
    if not found:
        raise AutograderError(
            f"No submissions to {lab}: there is no folder STUDENT/{lab} in {course.submitted}. "
            f"To collect files: {course.collecting}"
        )
    return [student] if student is not None else found


class NamesRefused(AutograderError):
    """Folders whose names cannot be used for records; `names` lists them, as bytes."""

    def __init__(self, message: str, names: Sequence[bytes]):
        super().__init__(message)
        self.names = tuple(names)


def refuse_names(course: Course, lab: str) -> None:
    """Raises NamesRefused if the name of a folder in submitted/ cannot be used for a record."""
    named = sorted(os.fsencode(p.parent.name) for p in course.submitted.glob(f"*/{lab}") if p.parent.name[:1] != ".")
    bad = [name for name in named if not _can_be_named(os.fsdecode(name))]
    if bad:
        some = ", ".join(repr(plain(name.decode("utf-8", "replace"), 60)) for name in bad[:5])
        raise NamesRefused(
            f"Not graded: {len(bad)} folders in {course.submitted} whose names are not valid UTF-8, are longer than {LONGEST_NAME} bytes, "
            f"or contain control characters or one of {PATTERN}: {some}. All others are graded. Rename each folder to the student's name, then run the command again.",
            bad,
        )


def _can_be_named(name: str) -> bool:
    """Whether a student's name can be used in our file names and nbgrader's.

    nbgrader finds files by patterns: the student `*` would match all students. It finds no name that contains a line break.
    """
    fits = can_be_written(name) and len(os.fsencode(name)) <= LONGEST_NAME
    return fits and not any(c in PATTERN or unicodedata.category(c) == "Cc" for c in name)


def can_be_written(name: str) -> bool:
    """Whether a name can be encoded as UTF-8."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def version(course: Course, folder: Path, lab: str) -> str:
    """The release that a submission was collected under; "" in nbgrader courses, which have none.

    It counts only if it is a release of this lab and its snapshot exists; else the current one is used.
    """
    return course.version_for(lab, str(_about(folder).get("release") or ""))


def handed_in(folder: Path) -> tuple[int, str]:
    """(number of the hand-in, when it was packed), as noted by `autograder collect`; else (0, "")."""
    about = _about(folder)
    try:
        number = int(about.get("hand_in") or 0)
        return number if 0 <= number < 10**6 else 0, plain(str(about.get("created") or ""), 40)
    except (ValueError, TypeError, OverflowError):
        return 0, ""


def _about(folder: Path) -> dict[str, Any]:
    path = folder / "submission.json"
    try:
        if not is_plain(folder) or path.is_symlink() or not path.is_file() or path.stat().st_size > 1 << 20:
            return {}
        about = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


def timestamp(folder: Path) -> Any:
    """nbgrader's time of the submission, None if its file is missing or unreadable."""
    from nbgrader.utils import parse_utc

    path = folder / "timestamp.txt"
    try:
        if not is_plain(folder) or path.is_symlink() or not path.is_file() or path.stat().st_size > 1000:
            return None
        return parse_utc(path.read_text(encoding="utf-8").strip())
    except Exception:  # an invalid date must not cost a student marks
        return None


def is_plain(folder: Path) -> bool:
    """Whether this is a real submission folder, not reached through a link."""
    return folder.is_dir() and not folder.is_symlink() and not folder.parent.is_symlink()


def files(folder: Path) -> list[tuple[Path, str]]:
    """(path, name) of the regular files of a submission, by name; links, pipes and devices are skipped."""
    return sorted(_walk(folder, "", 0), key=lambda found: os.fsencode(found[1])) if is_plain(folder) else []


def _walk(folder: Path, before: str, depth: int) -> Iterator[tuple[Path, str]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        name = f"{before}{entry.name}"
        if name in COLLECTED:
            continue
        if entry.is_dir(follow_symlinks=False):
            if depth < DEEPEST:
                yield from _walk(Path(entry.path), f"{name}/", depth + 1)
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path), name
