"""`autograder grade`: grades the submissions of a lab one by one, each into a record of its own.

What is here does not depend on the engine that runs the notebooks: who is to be graded, what is kept, what is written
where. One submission that cannot be graded gets a record that says why, and the others are graded all the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from filelock import FileLock, Timeout
from nbformat import NotebookNode
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from autograder import gradebook
from autograder.assemble import Assembled, SubmissionError, assemble, grade_id_of, is_graded, is_manual, read_submitted
from autograder.course import Course
from autograder.errors import AutograderError
from autograder.lab import statement_of
from autograder.messages import plain
from autograder.nbgrader_engine import NAME, Limits, NbgraderEngine, Outcome
from autograder.records import (
    FAILED,
    GRADED,
    NEEDS_ATTENTION,
    QUEUED,
    RUNNING,
    CellGrade,
    ManualGrade,
    Record,
    RecordStore,
    now,
    shown,
)
from autograder.tables import problems_table

UNSAFE = """\
Grading now would run students' code UNPROTECTED on this machine: as you, with your files and your network.
The engine of this version (nbgrader's autograde) has no sandbox, and a notebook can read, change or send whatever you can,
hidden checks and the gradebook included. Grade only submissions that you trust, on a machine that may be thrown away.
If that is what you want, type:

    autograder grade {lab} --unsafe-no-sandbox
"""

COLLECTED = ("submission.json", "timestamp.txt")  # written by `autograder collect`, not by the student


@dataclass(frozen=True)
class Release:
    """The released lab that submissions are graded against.

    Attributes
    ----------
    lab : str
        Folder name.
    version : str
        For example "01-r1".
    notebooks : dict
        Released notebooks by stem.
    digest : str
        Hash of everything that decides marks: the released notebooks and the hidden checks in the gradebook.
    """

    lab: str
    version: str
    notebooks: dict[str, NotebookNode]
    digest: str


def run(
    course: Course,
    lab: str,
    student: str | None = None,
    unsafe_no_sandbox: bool = False,
    again: bool = False,
    workers: int | None = None,
    limits: Limits | None = None,
    console: Console | None = None,
) -> list[Record]:
    """Grades a lab.

    Parameters
    ----------
    course : Course
    lab : str
        Number, topic or folder name.
    student : str, optional
        Only this one, graded again whatever its record says.
    unsafe_no_sandbox : bool
        The instructor's consent to running students' code without protection.
    again : bool
        Grade also what is graded and has not changed.
    workers : int, optional
        Submissions side by side; as many as there are processors, at most 4.
    limits : Limits, optional
        Seconds for a cell, a check and a notebook.
    console : Console, optional
        Where progress and problems are shown.

    Returns
    -------
    list of Record
        Of all submissions to the lab (of the one student), by student.

    Raises
    ------
    AutograderError
        Without consent, without a release, without submissions, or while another grading runs.
    """
    console = console or Console()
    name = course.find(lab).name
    if not unsafe_no_sandbox:
        raise AutograderError(UNSAFE.format(lab=name.split("_")[0] + (f" --student {student}" if student else "")))
    release = load_release(course, name)
    students = submissions(course, name, student)
    course.state.mkdir(parents=True, exist_ok=True)
    lock = FileLock(course.state / "grade.lock", timeout=0)
    try:
        with lock:
            _grade(course, release, students, again or student is not None, workers, limits or Limits(), console)
    except Timeout:
        raise AutograderError(
            f"Another `autograder grade` is at work in {course.root}. Wait for it to finish, then type the command again."
        ) from None
    store = RecordStore(course.state)
    records = [record for s in students if (record := store.load(name, s))]
    problems_table(console, records)
    return records


def submissions(course: Course, lab: str, student: str | None = None) -> list[str]:
    """The students who have submitted to a lab.

    Raises
    ------
    AutograderError
        If there are none, or not the one who was named.
    """
    students = sorted(p.parent.name for p in course.submitted.glob(f"*/{lab}") if p.is_dir() and not p.is_symlink())
    if student is not None:
        if student not in students:
            raise AutograderError(
                f"{student} has not submitted {lab}: there is no folder {course.submitted / student / lab}. "
                f"Submitted: {', '.join(students) or 'nobody yet'}. To take files in: autograder collect FOLDER"
            )
        return [student]
    if not students:
        raise AutograderError(
            f"Nobody has submitted {lab}: there is no folder STUDENT/{lab} in {course.submitted}. "
            "To take files in: autograder collect FOLDER"
        )
    return students


def load_release(course: Course, lab: str) -> Release:
    """The released notebooks of a lab, and what decides marks in them.

    Raises
    ------
    AutograderError
        If the lab has not been released.
    """
    folder = course.notebooks / lab
    paths = sorted(folder.glob("*.ipynb"))
    number = lab.split("_")[0]
    if not paths:
        raise AutograderError(
            f"{lab} has not been released: there is no notebook in {folder}. Type: autograder release {number}"
        )
    digest = hashlib.sha256()
    notebooks = {}
    for path in paths:
        try:
            notebooks[path.stem] = nbformat.read(path, as_version=4)
        except Exception as e:
            raise AutograderError(
                f"The released notebook {path} cannot be read ({type(e).__name__}). Type: autograder release {number}"
            ) from None
        digest.update(path.stem.encode() + b"\0" + path.read_bytes())
    for source in _source_cells(course, lab):
        digest.update(source.encode() + b"\0")
    version = next((v for nb in notebooks.values() if (v := version_of(nb))), "")
    return Release(lab, version, notebooks, digest.hexdigest())


def version_of(notebook: Any) -> str:
    """The release that a notebook says it is of, or ""."""
    meta = notebook.get("metadata", {}).get("medxai", {})
    return str(meta.get("release", "")) if isinstance(meta, dict) else ""


def _source_cells(course: Course, lab: str) -> list[str]:
    from nbgrader.api import MissingEntry

    with gradebook.opened(course) as book:
        try:
            notebooks = book.find_assignment(lab).notebooks
        except MissingEntry:
            raise AutograderError(
                f"The gradebook does not know {lab}. Release it first: autograder release {lab.split('_')[0]}"
            ) from None
        return sorted(f"{nb.name}/{cell.name}:{cell.source}" for nb in notebooks for cell in nb.source_cells)


def _grade(
    course: Course,
    release: Release,
    students: list[str],
    again: bool,
    workers: int | None,
    limits: Limits,
    console: Console,
) -> None:
    store = RecordStore(course.state)
    waiting: list[Record] = []
    kept = 0
    for student in students:
        old = store.load(release.lab, student)
        digest = _digest(course.submitted / student / release.lab, release)
        if old and old.status == GRADED and old.digest == digest and not again:
            kept += 1
            continue
        record = blank_record(release, student)
        record.digest, record.attempt = digest, (old.attempt if old else 0)
        record.submission, record.handed_in = _collected(course.submitted / student / release.lab)
        store.save(record)
        waiting.append(record)
    if kept:
        console.print(
            f"{kept} of {len(students)} already graded and unchanged. To grade one of them again: --student NAME",
            highlight=False,
        )
    if not waiting:
        return
    side_by_side = min(workers or min(os.cpu_count() or 1, 4), len(waiting))
    engine = NbgraderEngine(course, release.lab, limits, threads=max(1, (os.cpu_count() or 1) // side_by_side))
    engine.open()
    pool = ThreadPoolExecutor(side_by_side)
    try:
        with _progress(console) as progress:
            bar = progress.add_task(f"Grading {release.lab}", total=len(waiting), now="")
            running: dict[Future, Record] = {}
            queue = list(waiting)
            while queue or running:
                while queue and len(running) < side_by_side:
                    record = queue.pop(0)
                    record.status, record.started = RUNNING, now()
                    record.attempt += 1
                    store.save(record)
                    running[pool.submit(grade_one, course, release, engine, record)] = record
                progress.update(bar, now=", ".join(r.student for r in running.values()))
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    record = running.pop(future)
                    page = _result(future, record)
                    # One writer: only this thread writes the gradebook, the autograded notebooks and final records.
                    _keep(course, store, record, page)
                    progress.advance(bar)
    except BaseException:
        engine.close()  # first: the pool's threads wait for the workers that this ends
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        engine.close()


def blank_record(release: Release, student: str) -> Record:
    """A queued record with every graded cell of the release in it, none of them graded."""
    record = Record(release.lab, student, QUEUED, release=release.version, seed="fixed by cell", engine=NAME)
    for stem, notebook in release.notebooks.items():
        for cell in notebook.cells:
            points, grade_id = float(cell.metadata.get("nbgrader", {}).get("points", 0) or 0), grade_id_of(cell)
            if is_graded(cell):
                key = grade_id.rsplit("-", 1)[0]
                record.cells.append(CellGrade(grade_id, key, stem, statement_of(cell.source), points))
            elif is_manual(cell):
                record.manual.append(ManualGrade(grade_id, stem, points))
    return record


def grade_one(course: Course, release: Release, engine: NbgraderEngine, record: Record) -> dict[str, NotebookNode]:
    """Grades one submission into its record, and returns the notebooks to keep: the release's text, the student's
    answers, and our messages in place of the hidden checks."""
    folder = course.submitted / record.student / release.lab
    assembled, bad = _assemble_all(folder, release, record)
    if not assembled:
        record.status, record.reason = FAILED, " ".join(bad.values())
        return {}
    files = [
        f
        for f in sorted(folder.iterdir())
        if f.is_file() and not f.is_symlink() and f.suffix != ".ipynb" and f.name not in COLLECTED
    ]
    outcome: Outcome = engine.grade(record.student, {stem: a.notebook for stem, a in assembled.items()}, files)
    for a in assembled.values():
        record.flags += a.flags
    record.resources = outcome.resources
    if outcome.error:
        record.status, record.reason = FAILED, plain(outcome.error)
        return {}
    for cell in record.cells:
        found = outcome.cells.get(cell.id)
        if found:
            cell.points, cell.passed, cell.message, cell.seconds = (
                found[k] for k in ("points", "passed", "message", "seconds")
            )
        else:
            cell.message = (
                "Not graded: its notebook could not be read." if cell.notebook in bad else "This cell was not run."
            )
    for task in record.manual:
        task.points = outcome.manual.get(task.id)
    reasons = list(bad.values())
    if outcome.stopped:
        reasons.append(f"Grading stopped early: {outcome.stopped}.")
    not_graded = [cell.id for cell in record.cells if cell.passed is None]
    if not_graded and not reasons:
        reasons.append(f"Not run: {', '.join(not_graded)}.")
    record.status, record.reason = (NEEDS_ATTENTION, plain(" ".join(reasons), 2000)) if reasons else (GRADED, "")
    return {stem: _page(a.notebook, record) for stem, a in assembled.items()}


def _assemble_all(folder: Path, release: Release, record: Record) -> tuple[dict[str, Assembled], dict[str, str]]:
    """The notebooks that can be graded, and for the others why not."""
    good: dict[str, Assembled] = {}
    bad: dict[str, str] = {}
    number = release.lab.split("_")[0]
    for stem, released in release.notebooks.items():
        path = folder / f"{stem}.ipynb"
        try:
            if not path.exists():
                raise SubmissionError(
                    f"{stem}.ipynb is missing from the submission. Ask for it; or, to grade it as blank, copy "
                    f"notebooks/{release.lab}/{stem}.ipynb to submitted/{record.student}/{release.lab}/ "
                    f"and type: autograder grade {number} --student {record.student} --unsafe-no-sandbox"
                )
            submitted = read_submitted(path)
            claimed = version_of(submitted)
            if claimed and release.version and claimed != release.version:
                record.flags.append(
                    f"{stem} says that it is of release {plain(claimed, 40)}; graded against {release.version}"
                )
            good[stem] = assemble(released, submitted)
        except SubmissionError as e:
            bad[stem] = str(e)
        except (
            Exception
        ) as e:  # whatever else a damaged notebook leads to: this student needs a person, the class goes on
            bad[stem] = (
                f"{stem}.ipynb is damaged: its cells cannot be put into the released notebook ({type(e).__name__})."
            )
    extra = sorted(p.name for p in folder.glob("*.ipynb") if p.stem not in release.notebooks)
    if extra:
        record.flags.append(f"not part of the lab, not graded: {', '.join(plain(n, 80) for n in extra)}")
    return good, bad


def _result(future: Future, record: Record) -> dict[str, NotebookNode]:
    try:
        return future.result()
    except Exception as e:  # a defect of ours must not cost the others their marks
        record.status = FAILED
        record.reason = f"The grader itself failed on this submission ({type(e).__name__}: {plain(str(e), 200)})."
        for cell in record.cells:
            cell.points, cell.passed = None, None
        return {}


def _keep(course: Course, store: RecordStore, record: Record, page: dict[str, NotebookNode]) -> None:
    """Autograded notebooks first, then the gradebook, the record last: a record that says graded is always true."""
    record.finished = now()
    target = course.autograded / record.student / record.lab
    if page:
        replace_folder(target, page)
    else:
        shutil.rmtree(target, ignore_errors=True)
    gradebook.write(course, record, _timestamp(course.submitted / record.student / record.lab))
    store.save(record)


def replace_folder(target: Path, notebooks: dict[str, NotebookNode]) -> None:
    """Writes notebooks beside the folder that they replace, then swaps the two."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        for stem, notebook in notebooks.items():
            nbformat.write(notebook, fresh / f"{stem}.ipynb")
        fresh.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _page(notebook: NotebookNode, record: Record) -> NotebookNode:
    """The assembled notebook with our message as the only output of each graded cell.

    All other outputs are those that the student handed in: what their code prints while hidden checks are in the
    kernel's memory could hold them, and is thrown away.
    """
    grades = {cell.id: cell for cell in record.cells}
    for cell in notebook.cells:
        if is_graded(cell) and grade_id_of(cell) in grades:
            grade = grades[grade_id_of(cell)]
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=verdict(grade) + "\n")]
            cell.execution_count = None
    return notebook


def verdict(grade: CellGrade) -> str:
    """One graded cell in words: points, the property, and what went wrong."""
    points = f"{shown(grade.points)} of {grade.max:g} points" if grade.max else "bonus, no points"
    if grade.passed:
        return f"{points}: passed."
    return f"{points}: {grade.message}" if grade.passed is False else f"not graded: {grade.message}"


def _digest(folder: Path, release: Release) -> str:
    """Hash of what decides a mark: the files of the submission, and the release."""
    digest = hashlib.sha256(release.digest.encode())
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and p.name not in COLLECTED):
        digest.update(str(path.relative_to(folder)).encode() + b"\0")
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(2**20), b""):
                digest.update(block)
    return digest.hexdigest()


def _collected(folder: Path) -> tuple[int, str]:
    """(which of the student's hand-ins this is, when it was packed), as `autograder collect` noted; (0, "") without."""
    try:
        about = json.loads((folder / "submission.json").read_text(encoding="utf-8"))
        return int(about.get("attempt") or 0), plain(str(about.get("created") or ""), 40)
    except (OSError, ValueError, TypeError, AttributeError):
        return 0, ""


def _timestamp(folder: Path) -> Any:
    """When nbgrader takes the submission to have been handed in, or None."""
    from nbgrader.utils import parse_utc

    try:
        return parse_utc((folder / "timestamp.txt").read_text(encoding="utf-8").strip())
    except (OSError, ValueError, OverflowError):
        return None


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[now]}", markup=False),
        console=console,
    )
