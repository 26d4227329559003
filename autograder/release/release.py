"""`autograder release`: the student notebooks, a snapshot of the release, the student zip, and the leak proof.

A release is built in a staging folder, proved, and only then moved into place: a failure leaves the old one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from autograder.author import proofs
from autograder.author.build import build_lab, to_bytes
from autograder.author.lab_source import Lab, load_lab, load_whole_labs
from autograder.course.generate import generate_assignment
from autograder.course.lab_course import LabCourse, choices_for, release_number
from autograder.errors import AutograderError
from autograder.plain_text import count
from autograder.release import leak_proof, student_zip
from autograder.release.versions import submitters
from data_fetch.store.atomic import replace_folder, write_atomically

if TYPE_CHECKING:
    from rich.console import Console


def run(
    course: LabCourse,
    labs: Sequence[str] | None = None,
    next_version: bool = False,
    make_zip: bool = True,
    console: Console | None = None,
) -> Path | None:
    """Releases the named labs (default: all) and writes the student zip; returns its path.

    Raises
    ------
    AutograderError
        If a version that has submissions would change; use `next_version` to start a new one.
    LeakError
        If an answer, a hidden check or a mutant would reach students. Nothing is released.
    """
    if next_version and not labs:
        raise AutograderError("Name the labs for which to start a new version: autograder release 01 --next")
    chosen = [load_lab(folder) for folder in course.choose(labs)]
    for lab in chosen:
        build_lab(lab)
    if next_version:
        chosen = [replace(lab, version=f"{lab.number}-r{release_number(lab.version) + 1}") for lab in chosen]
    secrets = leak_proof.secrets(load_whole_labs(course))
    with _staging(course) as stage:
        for lab in chosen:
            make(course, lab, stage / lab.name)
            _refuse_to_change_under_students(course, lab, stage / lab.name)
            leak_proof.refuse(leak_proof.find(secrets, leak_proof.files_in(stage / lab.name, f"notebooks/{lab.name}")))
        for lab in chosen:
            _tell_gradebook(course, lab)
            _publish(course, lab, stage / lab.name)
            if console:
                console.print(
                    f"{lab.name}: released as {lab.version} into {(course.notebooks / lab.name).relative_to(course.root)}"
                )
    unproved = " ".join(lab.number for lab in chosen if not proofs.holds(course, lab.folder))
    if console and unproved:
        console.print(f"Not proved in their current state. Before you hand them out, run: autograder prove {unproved}")
    old = [path.name for path in sorted(course.notebooks.iterdir()) if course.left_out(path.name)]
    if console and old:
        console.print(
            f"Not in this course, but still in notebooks/: {', '.join(old)}. Delete what students should not see."
        )
    if not make_zip:
        return None
    path = student_zip.write(course, secrets)
    if console:
        console.print(
            f"{path.relative_to(course.root)}: {path.stat().st_size / 1e6:.1f} MB, contains no answer, hidden check or mutant"
        )
    return path


def make(course: LabCourse, lab: Lab, folder: Path) -> None:
    """Writes one lab's release into `folder` (which must have the lab's name); the same sources give the same bytes.

    nbgrader's generate_assignment removes the answers and hidden checks; then each check cell gets the tag
    "raises-exception" (so that "Run all" continues), and the release is noted in the notebooks' metadata. The
    gradebook is not changed.
    """
    config = course.nbgrader_config()
    config.CourseDirectory.release_directory = os.path.relpath(folder.parent, course.root)
    config.SaveCells.enabled = False
    config.GenerateAssignment.no_database = True
    generate_assignment(config, lab.name)
    for path in sorted(folder.glob("*.ipynb")):
        nb = nbformat.read(path, as_version=4)
        for cell in nb.cells:
            if "check" in cell.metadata.get("tags", ()):
                cell.metadata.tags = [*cell.metadata.tags, "raises-exception"]
        nb.metadata["medxai"] = {
            "lab": lab.name,
            "release": lab.version,
            "notebook": path.stem,
            "notebooks": [p.stem for p in lab.notebooks],  # so that `medxai submit` includes all of them
        }
        write_atomically(path, to_bytes(nb))
    made = {p.name for p in folder.glob("*.ipynb")}
    wanted = {p.with_suffix(".ipynb").name for p in lab.notebooks}
    if made != wanted:
        raise AutograderError(
            f"{lab.name}: expected the notebooks {', '.join(sorted(wanted))}, but nbgrader made {', '.join(sorted(made))}. "
            f"Delete notebooks without a source from solutions/{lab.name}."
        )


@contextmanager
def _staging(course: LabCourse) -> Iterator[Path]:
    course.make_state()
    stage = Path(tempfile.mkdtemp(prefix="staging-", dir=course.state))
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _refuse_to_change_under_students(course: LabCourse, lab: Lab, staged: Path) -> None:
    kept = course.snapshot(lab.version) / "notebooks" / lab.name
    if kept.is_dir() and _same(kept, staged):
        return
    students = submitters(course, lab.name, lab.version)
    if not students:
        return
    shown = ", ".join(students[:5]) + (f" and {len(students) - 5} more" if len(students) > 5 else "")
    raise AutograderError(
        f"{lab.name}: {shown} submitted under {lab.version}, whose notebooks would change. "
        f"Start a new version: autograder release {lab.number} --next"
    )


def _same(one: Path, other: Path) -> bool:
    def content(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    return content(one) == content(other)


def _tell_gradebook(course: LabCourse, lab: Lab) -> None:
    """Writes the lab's cells and points to the gradebook by nbgrader's rules; existing marks are kept.

    Raises
    ------
    AutograderError
        If the points of a written answer changed that has been graded manually.
    """
    _refuse_to_devalue_manual_grades(course, lab)
    with tempfile.TemporaryDirectory(prefix="gradebook-", dir=course.state) as folder:
        if course.gradebook.is_file():
            shutil.copy2(course.gradebook, course.state / f"gradebook-before-{lab.version}.db")
        config = course.nbgrader_config()
        config.CourseDirectory.release_directory = os.path.relpath(folder, course.root)
        generate_assignment(config, lab.name)
        course.gradebook.chmod(0o600)


def _refuse_to_devalue_manual_grades(course: LabCourse, lab: Lab) -> None:
    if not course.gradebook.is_file():
        return
    from nbgrader.api import Gradebook, MissingEntry

    with Gradebook(f"sqlite:///{course.gradebook}", course.nbgrader_config().CourseDirectory.course_id) as book:
        for task in lab.manual:
            try:
                cell = book.find_grade_cell(task.key, task.notebook, lab.name)
            except MissingEntry:
                continue
            graded = sum(grade.manual_score is not None for grade in cell.grades)
            if graded and cell.max_score != task.points:
                raise AutograderError(
                    f"{lab.name}: `{task.key}` has {task.points:g} points now, but {count(graded, 'manual grade')} in the gradebook "
                    f"were given out of {cell.max_score:g}. Keep {cell.max_score:g} points (in course.toml or the lab's source), or clear these "
                    "grades in formgrader first and grade again afterwards."
                )


def _publish(course: LabCourse, lab: Lab, staged: Path) -> None:
    keep = staged.parent / f"snapshot-{lab.version}"
    shutil.copytree(staged, keep / "notebooks" / lab.name)
    shutil.copytree(
        lab.folder, keep / "solutions" / lab.name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    )
    _set_version(keep / "solutions" / lab.name / "release.toml", lab)
    points = {cell.id: cell.points for e in lab.exercises for cell in e.cells} | {m.key: m.points for m in lab.manual}
    about = {
        "lab": lab.name,
        "release": lab.version,
        "points": points,
        "manual": [m.key for m in lab.manual],
        "course.toml": choices_for(lab.folder).text(),
        "notebooks": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(staged.glob("*.ipynb"))},
    }
    (keep / "release.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    replace_folder(keep, course.snapshot(lab.version))
    replace_folder(staged, course.notebooks / lab.name)
    _set_version(lab.folder / "release.toml", lab)


def _set_version(path: Path, lab: Lab) -> None:
    text = re.sub(
        r"(?m)^version\s*=\s*\d+", f"version = {release_number(lab.version)}", path.read_text(encoding="utf-8")
    )
    write_atomically(path, text.encode("utf-8"))
