"""The engine behind `autograder grade` until there is a sandbox: nbgrader's autograde, one process a student.

An engine takes assembled notebooks and gives back an Outcome. It knows nothing of records, the course's gradebook or
feedback; each student gets a throw-away course folder with a gradebook that holds this lab's cells and nobody's marks.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbformat import NotebookNode

from autograder.course import PRIVATE, Course
from autograder.errors import AutograderError
from autograder.gradebook import tools_on_path

NAME = "nbgrader"
STUDENT = "student"  # the only one in the throw-away course: names with odd characters then cannot matter


@dataclass(frozen=True)
class Limits:
    """Seconds that may pass: for a cell, for a cell that only checks one function, for a whole notebook."""

    cell: float = 300
    check: float = 60
    submission: float = 1800


@dataclass
class Outcome:
    """What an engine found out about one submission.

    `cells` maps a graded cell to points, passed, message, seconds; `manual` an answer for a person to 0 (nothing was
    written) or None. `stopped` says why a notebook did not run to its end, "" when all did. `error` is the engine's
    own failure.
    """

    cells: dict[str, dict[str, Any]] = field(default_factory=dict)
    manual: dict[str, float | None] = field(default_factory=dict)
    stopped: str = ""
    error: str = ""
    resources: dict[str, float] = field(default_factory=dict)


class NbgraderEngine:
    """Grades submissions to one lab.

    Parameters
    ----------
    course : Course
    lab : str
        The lab's folder name, which is nbgrader's assignment.
    limits : Limits
    threads : int
        Threads that a kernel may use for arithmetic, so that kernels side by side do not slow each other down.
    """

    def __init__(self, course: Course, lab: str, limits: Limits, threads: int = 0):
        self.course, self.lab, self.limits, self.threads = course, lab, limits, threads
        self.scratch = course.state / "scratch"
        self.template = self.scratch / "template"
        self.children: set[subprocess.Popen] = set()
        self.lock = threading.Lock()
        self.closed = False

    def open(self) -> None:
        """Makes the template of the throw-away folders; removes what a killed run left. Call under the grading lock."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.template.mkdir(parents=True)
        _copy_lab_cells(self.course, self.lab, self.template / "gradebook.db")
        released = self.course.notebooks / self.lab
        shutil.copytree(
            released,
            self.template / "source" / self.lab,
            ignore=shutil.ignore_patterns("*.ipynb", ".ipynb_checkpoints", "__pycache__", *PRIVATE),
        )

    def close(self) -> None:
        """Ends what still runs, with all its children, and removes the scratch folder."""
        with self.lock:
            self.closed = True
            running = list(self.children)
        for child in running:
            _end(child)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def grade(self, student: str, notebooks: dict[str, NotebookNode], files: list[Path]) -> Outcome:
        """Runs and judges one submission.

        Parameters
        ----------
        student : str
            For names of folders and logs only.
        notebooks : dict
            Assembled notebooks by stem.
        files : list of Path
            Other submitted files, copied beside the notebooks.
        """
        folder = self.scratch / f"{student}.run"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.template, folder)
        work = folder / "submitted" / STUDENT / self.lab
        work.mkdir(parents=True)
        for stem, notebook in notebooks.items():
            nbformat.write(notebook, work / f"{stem}.ipynb")
        for file in files:
            shutil.copyfile(file, work / file.name)
        result, job = folder / "result.json", folder / "job.json"
        job.write_text(
            json.dumps(
                {
                    "root": str(folder),
                    "lab": self.lab,
                    "student": STUDENT,
                    "cell_seconds": self.limits.cell,
                    "check_seconds": self.limits.check,
                    "submission_seconds": self.limits.submission,
                    "result": str(result),
                }
            )
        )
        log = self.course.state / "logs" / self.lab / f"{student}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        problem = self._run(job, folder, log)
        try:
            found = json.loads(result.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            where = log.relative_to(self.course.root)
            return Outcome(error=f"{problem or 'nbgrader could not grade this submission'}; its log is {where}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        stopped = "; ".join(f"{stem}: {why}" for stem, why in found["stopped"].items() if why)
        return Outcome(found["cells"], found["manual"], stopped, "", found["resources"])

    def _run(self, job: Path, folder: Path, log: Path) -> str:
        env = self.course.environment()
        if self.threads:
            for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
                env.setdefault(name, str(self.threads))
        command = [sys.executable, "-m", "autograder.nbgrader_worker", str(job)]
        with open(log, "wb") as out:
            with self.lock:
                if self.closed:
                    return "grading was interrupted"
                child = subprocess.Popen(
                    command,
                    cwd=folder,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
                self.children.add(child)
            # The worker keeps the limits itself; this one is for a worker that hangs.
            patience = self.limits.submission + 2 * self.limits.cell + 120
            try:
                code = child.wait(timeout=patience)
            except subprocess.TimeoutExpired:
                return f"grading was ended after {patience:g} s"
            finally:
                _end(child)
                with self.lock:
                    self.children.discard(child)
        return "" if code == 0 else f"nbgrader ended with status {code}"


def _end(child: subprocess.Popen) -> None:
    """Ends a worker and everything that it started, kernels included, which have sessions of their own."""
    try:
        family = psutil.Process(child.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    if child.poll() is None:
        child.kill()
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    child.wait()


def _copy_lab_cells(course: Course, lab: str, target: Path) -> None:
    """A gradebook with one lab's notebooks and cells, hidden checks included, and with no student in it."""
    from nbgrader.api import Gradebook, MissingEntry

    tools_on_path()
    if not course.gradebook.is_file():
        raise AutograderError(
            f"There is no gradebook at {course.gradebook}. Release the lab first: autograder release {lab[:2]}"
        )
    course_id = course.nbgrader_config().CourseDirectory.course_id
    with (
        Gradebook(f"sqlite:///{course.gradebook}", course_id) as old,
        Gradebook(f"sqlite:///{target}", "default_course") as new,
    ):
        try:
            assignment = old.find_assignment(lab)
        except MissingEntry:
            raise AutograderError(
                f"The gradebook {course.gradebook} does not know the lab {lab}. Release it first: autograder release {lab[:2]}"
            ) from None
        new.add_assignment(lab)
        for notebook in assignment.notebooks:
            new.add_notebook(notebook.name, lab, kernelspec=notebook.kernelspec)
            for cell in notebook.grade_cells:
                new.add_grade_cell(cell.name, notebook.name, lab, max_score=cell.max_score, cell_type=cell.cell_type)
            for cell in notebook.solution_cells:
                new.add_solution_cell(cell.name, notebook.name, lab)
            for cell in notebook.task_cells:
                new.add_task_cell(cell.name, notebook.name, lab, max_score=cell.max_score, cell_type=cell.cell_type)
            for cell in notebook.source_cells:
                new.add_source_cell(
                    cell.name,
                    notebook.name,
                    lab,
                    cell_type=cell.cell_type,
                    source=cell.source,
                    checksum=cell.checksum,
                    locked=cell.locked,
                )
    os.chmod(target, 0o600)
