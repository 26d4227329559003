"""Prepares one submission to run: the answers in the released notebooks, and the working folder of its kernels."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from autograder.collect.submissions import MOST_OTHER_BYTES, can_be_written, files, is_plain
from autograder.notebook.assemble import Assembled, assemble
from autograder.notebook.cells import grade_id_of
from autograder.notebook.code_cells import CodeCell
from autograder.notebook.read import Unreadable, claims_of, read_submitted
from autograder.plain_text import plain
from autograder.record.records import ManualGrade
from autograder.remarks import About, Remark
from autograder.run.assignment import Assignment

MOST_FILES = 2_000  # of the files that a student may add next to the notebooks
WORK = "work"  # name of a folder created for one submission


@dataclass
class Read:
    """The readable parts of a submission: notebooks by stem, why others are unreadable, and remarks for manual review."""

    assembled: dict[str, Assembled] = field(default_factory=dict)
    bad: list[Remark] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


def read(folder: Path, assignment: Assignment) -> Read:
    """Reads the notebooks of a submission and inserts the answers into the released ones. Never raises because of its contents."""
    found = Read()
    if not is_plain(folder):
        found.bad.append(Remark(About.NO_FOLDER, f"{folder.parent.name}/{folder.name}"))
        return found
    for stem, released in assignment.released.items():
        path = folder / f"{stem}.ipynb"
        try:
            if not os.path.lexists(path):
                raise Unreadable(Remark(About.MISSING, path.name))
            submitted = read_submitted(path)
            claimed = claims_of(submitted).get("release")
            if claimed and claimed != assignment.version and claims_of(released).get("release"):
                found.remarks.append(
                    Remark(About.OTHER_RELEASE, stem, text=plain(claimed, 40), expected=assignment.version)
                )
            found.assembled[stem] = assemble(released, submitted)
            found.remarks += found.assembled[stem].remarks
        except Unreadable as e:
            found.bad.append(e.remark)
        except Exception as e:  # any other effect of a damaged notebook: flag this submission, continue with the class
            found.bad.append(Remark(About.CELLS_DO_NOT_FIT, path.name, text=type(e).__name__))
    names = [name for _, name in files(folder) if name.endswith(".ipynb")]
    extra = sorted(name for name in names if name.removesuffix(".ipynb") not in assignment.released)
    if extra:
        some = tuple(plain(os.fsencode(name).decode("utf-8", "replace"), 80) for name in extra[:5])
        found.remarks.append(Remark(About.NOT_OF_THE_LAB, names=some, found=len(extra)))
    return found


def cells_to_run(found: Read, assignment: Assignment, demos: bool = False) -> dict[str, list[CodeCell]]:
    """For each readable notebook, the cells to run."""
    made = {}
    for stem, assembled in found.assembled.items():
        made[stem] = assembled.cells_to_run(assignment.released[stem], assignment.cells(stem, demos=True), demos)
    return made


def empty_answer(found: Read, assignment: Assignment, task: ManualGrade) -> float | None:
    """0 for a manually graded answer left as released, else None: it needs manual grading."""
    if task.notebook not in found.assembled:
        return None
    theirs = [c for c in found.assembled[task.notebook].notebook.cells if grade_id_of(c) == task.id]
    released = [c for c in assignment.released[task.notebook].cells if grade_id_of(c) == task.id]
    is_task = released[0].metadata.nbgrader.get("task")
    return 0.0 if not is_task and theirs[0].source.strip() == released[0].source.strip() else None


def working_folder(folder: Path, assignment: Assignment, scratch: Path) -> tuple[Path, list[Remark]]:
    """The working folder of a student's kernels: the assignment's files, and the student's files with other names.

    Without files of the student's, this is the assignment's own folder, which kernels only read. The remarks list omitted files.
    """
    own = [(path, name) for path, name in files(folder) if not name.endswith(".ipynb") and can_be_written(name)]
    if not own:
        return assignment.files, []
    remarks: list[Remark] = []
    size = 0
    work = Path(tempfile.mkdtemp(prefix="work-", dir=scratch)) / WORK
    shutil.copytree(assignment.files, work)
    for number, (path, name) in enumerate(own):
        try:
            size += path.stat().st_size
            if number >= MOST_FILES or size > MOST_OTHER_BYTES:
                remarks.append(Remark(About.MORE_FILES, text=f"{MOST_FILES:,} files, {MOST_OTHER_BYTES >> 20} MB"))
                break
            if not os.path.lexists(work / name):
                (work / name).parent.mkdir(parents=True, exist_ok=True)
                _copy(path, work / name)
        except OSError as e:
            remarks.append(Remark(About.FILE_NOT_TAKEN, plain(name, 80), text=e.strerror or ""))
    return work, remarks


def _copy(source: Path, target: Path) -> None:
    """Copies a regular file; safe even if it has been replaced since it was found."""
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            with open(target, "wb") as out:
                shutil.copyfileobj(file, out)


def discard(work: Path, scratch: Path) -> None:
    """Removes a working folder created for one submission."""
    if work.parent.parent == scratch and work.name == WORK:
        shutil.rmtree(work.parent, ignore_errors=True)
