"""Submitted folders, which may hold anything: who handed in what, read and assembled without trusting any of it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.notebook.assemble import Assembled, assemble
from autograder.notebook.cells import grade_id_of
from autograder.notebook.code_cells import CodeCell
from autograder.notebook.read import SubmissionError, claims_of, read_submitted
from autograder.plain_text import plain
from autograder.record.records import ManualGrade
from autograder.run.assignment import Assignment

COLLECTED = ("submission.json", "timestamp.txt")  # written by `autograder collect` or by nbgrader, not by the student
MOST_FILES, MOST_BYTES, DEEPEST = 2_000, 100 << 20, 8  # of what a student may lay beside the notebooks
LONGEST_NAME = 200  # bytes of a student's name; a file's name has at most 255, and ours add something to it
PATTERN = "*?["
WORK = "work"  # the name of a folder that was made for one submission


@dataclass
class Read:
    """A submission as it could be read: notebooks by stem, for the others why not, and what a person should know."""

    assembled: dict[str, Assembled] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)


def students(course: Course, lab: str, student: str | None = None) -> list[str]:
    """Who has submitted an assignment, without those of `refuse_names`.

    Raises
    ------
    AutograderError
        If nobody has, or not the one who was named.
    """
    found = sorted({p.parent.name for p in course.submitted.glob(f"*/{lab}") if not p.parent.name.startswith(".")})
    found = [name for name in found if _can_be_named(name)]
    if student is not None and student not in found:
        raise AutograderError(
            f"{student} has not submitted {lab}: there is no folder {course.submitted / student / lab}. "
            f"Submitted: {', '.join(found) or 'nobody yet'}. To take files in: {course.collecting}"
        )
    if not found:
        raise AutograderError(
            f"Nobody has submitted {lab}: there is no folder STUDENT/{lab} in {course.submitted}. "
            f"To take files in: {course.collecting}"
        )
    return [student] if student is not None else found


def refuse_names(course: Course, lab: str) -> None:
    """Raises AutograderError where somebody cannot have a record, because of the name of their folder in submitted/."""
    named = sorted(os.fsencode(p.parent.name) for p in course.submitted.glob(f"*/{lab}") if p.parent.name[:1] != ".")
    bad = [name for name in named if not _can_be_named(os.fsdecode(name))]
    if bad:
        some = ", ".join(repr(plain(name.decode("utf-8", "replace"), 60)) for name in bad[:5])
        raise AutograderError(
            f"Not graded: {len(bad)} folders in {course.submitted} whose names are no text (not UTF-8), longer than {LONGEST_NAME} bytes, "
            f"or hold line ends or one of {PATTERN}: {some}. All others are graded. Give each the student's name, then type the command again."
        )


def _can_be_named(name: str) -> bool:
    """Whether our files and nbgrader's can bear a student's name.

    nbgrader looks for files by patterns: to it, the student `*` is everybody. It finds none whose name has a line end.
    """
    fits = _can_be_written(name) and len(os.fsencode(name)) <= LONGEST_NAME
    return fits and not any(c in PATTERN or unicodedata.category(c) == "Cc" for c in name)


def _can_be_written(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def version(course: Course, folder: Path, lab: str) -> str:
    """The release that a submission was collected under; "" in courses of nbgrader's, which have none.

    It counts only where its snapshot is here and it is a release of this lab; else it is the current one.
    """
    return course.version_for(lab, str(_about(folder).get("release") or ""))


def handed_in(folder: Path) -> tuple[int, str]:
    """(which of the student's hand-ins this is, when it was packed), as `autograder collect` noted; (0, "") without."""
    about = _about(folder)
    try:
        number = int(about.get("attempt") or 0)  # the word of this file for a hand-in
        return number if 0 <= number < 10**6 else 0, plain(str(about.get("created") or ""), 40)
    except (ValueError, TypeError, OverflowError):
        return 0, ""


def _about(folder: Path) -> dict[str, Any]:
    path = folder / "submission.json"
    try:
        if not _is_plain(folder) or path.is_symlink() or not path.is_file() or path.stat().st_size > 1 << 20:
            return {}
        about = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


def timestamp(folder: Path) -> Any:
    """When nbgrader takes the submission to have been handed in, None where its file says nothing readable."""
    from nbgrader.utils import parse_utc

    path = folder / "timestamp.txt"
    try:
        if not _is_plain(folder) or path.is_symlink() or not path.is_file() or path.stat().st_size > 1000:
            return None
        return parse_utc(path.read_text(encoding="utf-8").strip())
    except Exception:  # a date is not worth a student's marks
        return None


def _is_plain(folder: Path) -> bool:
    """Whether a submission lies here, rather than somewhere that a link points to."""
    return folder.is_dir() and not folder.is_symlink() and not folder.parent.is_symlink()


def read(folder: Path, assignment: Assignment) -> Read:
    """Reads the notebooks of a submission and puts the answers into the released ones. Never raises for what is in it."""
    found = Read()
    if not _is_plain(folder):
        found.bad[""] = f"{folder.parent.name}/{folder.name} is a link or no folder; nothing behind it was read."
        return found
    for stem, released in assignment.released.items():
        path = folder / f"{stem}.ipynb"
        try:
            if not os.path.lexists(path):
                raise SubmissionError(
                    f"{stem}.ipynb is missing from the submission. Ask for it, or copy the released one there to grade it as blank."
                )
            submitted = read_submitted(path)
            claimed = claims_of(submitted).get("release")
            if claimed and claimed != assignment.version and claims_of(released).get("release"):
                found.flags.append(
                    f"{stem} says that it is of release {plain(claimed, 40)}; graded against {assignment.version}"
                )
            found.assembled[stem] = assemble(released, submitted)
            found.flags += found.assembled[stem].flags
        except SubmissionError as e:
            found.bad[stem] = str(e)
        except (
            Exception
        ) as e:  # whatever else a damaged notebook leads to: this student needs a person, the class goes on
            found.bad[stem] = (
                f"{stem}.ipynb is damaged: its cells cannot be put into the released notebook ({type(e).__name__})."
            )
    names = [name for _, name in files(folder) if name.endswith(".ipynb")]
    extra = sorted(name for name in names if name.removesuffix(".ipynb") not in assignment.released)
    if extra:
        some = ", ".join(plain(os.fsencode(n).decode("utf-8", "replace"), 80) for n in extra[:5])
        found.flags.append(
            f"not part of the lab, not graded: {some}" + (f" and {len(extra) - 5} more" if extra[5:] else "")
        )
    return found


def cells_to_run(found: Read, assignment: Assignment, demos: bool = False) -> dict[str, list[CodeCell]]:
    """For each notebook that could be read, the cells to run."""
    made = {}
    for stem, assembled in found.assembled.items():
        made[stem] = assembled.cells_to_run(assignment.released[stem], assignment.cells(stem, demos=True), demos)
    return made


def empty_answer(found: Read, assignment: Assignment, task: ManualGrade) -> float | None:
    """0 for an answer that a person would mark and that is as it was released, else None: a person has to look."""
    if task.notebook not in found.assembled:
        return None
    theirs = [c for c in found.assembled[task.notebook].notebook.cells if grade_id_of(c) == task.id]
    released = [c for c in assignment.released[task.notebook].cells if grade_id_of(c) == task.id]
    is_task = released[0].metadata.nbgrader.get("task")
    return 0.0 if not is_task and theirs[0].source.strip() == released[0].source.strip() else None


def files(folder: Path) -> list[tuple[Path, str]]:
    """(path, name) of the regular files of a submission by name; links, pipes and devices are not there."""
    return sorted(_walk(folder, "", 0), key=lambda found: os.fsencode(found[1])) if _is_plain(folder) else []


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


def working_folder(folder: Path, assignment: Assignment, scratch: Path, flags: list[str]) -> Path:
    """What a student's kernels start in: the assignment's files, and those of the student that have other names.

    Where the student brought none, that is the assignment's own folder, which kernels only read.
    """
    own = [(path, name) for path, name in files(folder) if not name.endswith(".ipynb") and _can_be_written(name)]
    if not own:
        return assignment.files
    size = 0
    work = Path(tempfile.mkdtemp(prefix="work-", dir=scratch)) / WORK
    shutil.copytree(assignment.files, work)
    for number, (path, name) in enumerate(own):
        try:
            size += path.stat().st_size
            if number >= MOST_FILES or size > MOST_BYTES:
                flags.append(
                    f"brings more files than are taken ({MOST_FILES:,} files, {MOST_BYTES >> 20} MB); the rest was left out"
                )
                break
            if not os.path.lexists(work / name):
                (work / name).parent.mkdir(parents=True, exist_ok=True)
                _copy(path, work / name)
        except OSError as e:
            flags.append(f"the file {plain(name, 80)} could not be taken ({e.strerror})")
    return work


def _copy(source: Path, target: Path) -> None:
    """Copies a regular file, also if it has become something else since it was found."""
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            with open(target, "wb") as out:
                shutil.copyfileobj(file, out)


def discard(work: Path, scratch: Path) -> None:
    """Removes a working folder that was made for one submission."""
    if work.parent.parent == scratch and work.name == WORK:
        shutil.rmtree(work.parent, ignore_errors=True)
