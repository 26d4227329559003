"""nbgrader itself: courses of its kind, its own commands, and the marks that a gradebook holds."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.course.stock_autograde import ALLOWED
from autograder.notebook.cells import grade_id_of

ROOT = Path(__file__).parents[2]
DOCUMENTED = Path("docs/source/user_guide")  # in nbgrader's own package: its quickstart's source, and submissions to it
Cells = Sequence[NotebookNode]


def command(folder: Path, module: str, *arguments: str, status: int = 0) -> str:
    """What `python -m MODULE ARGUMENTS` says in a course's root."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "400", ALLOWED: "1"}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=folder, env=environment, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def nbgrader(folder: Path, *arguments: str) -> str:
    return command(folder, "nbgrader", *arguments)


def autograder(folder: Path, *arguments: str, status: int = 0) -> str:
    return command(folder, "autograder.cli", *arguments, status=status)


def _cell(source: str, kind: str = "code", **meta: object) -> NotebookNode:
    new = nbformat.v4.new_code_cell(source) if kind == "code" else nbformat.v4.new_markdown_cell(source)
    if meta:
        usual = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
        new.metadata["nbgrader"] = usual | meta
    return new


def plain(source: str, kind: str = "code") -> NotebookNode:
    """A cell that nbgrader knows nothing of."""
    return _cell(source, kind)


def locked(grade_id: str, source: str) -> NotebookNode:
    return _cell(source, grade_id=grade_id, locked=True)


def answer(grade_id: str, source: str) -> NotebookNode:
    return _cell(source, grade_id=grade_id, solution=True)


def check(grade_id: str, source: str, points: float = 1) -> NotebookNode:
    return _cell(source, grade_id=grade_id, grade=True, locked=True, points=points)


def manual(grade_id: str, source: str, points: float, kind: str = "markdown") -> NotebookNode:
    return _cell(source, kind, grade_id=grade_id, grade=True, solution=True, points=points)


def task(grade_id: str, source: str, points: float) -> NotebookNode:
    return _cell(source, "markdown", grade_id=grade_id, task=True, locked=True, points=points)


def write(path: Path, cells: Cells, minor: int = 5) -> None:
    """A notebook; before version 4.5 cells have no ids."""
    nb = nbformat.v4.new_notebook(
        cells=list(cells),
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nb.nbformat_minor = minor
    if minor < 5:
        for cell in nb.cells:
            cell.pop("id", None)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, path)


def submit(released: Path, target: Path, answers: Mapping[str, str], stamp: str = "") -> None:
    """A student's folder: every released notebook with these answers in it, by cell id or NOTEBOOK/CELL."""
    target.mkdir(parents=True)
    for path in released.glob("*.ipynb"):
        nb = nbformat.read(path, as_version=nbformat.NO_CONVERT)
        for cell in nb.cells:
            grade_id = grade_id_of(cell)
            cell.source = answers.get(f"{path.stem}/{grade_id}", answers.get(grade_id, cell.source))
        nbformat.write(nb, target / path.name)
    if stamp:
        (target / "timestamp.txt").write_text(stamp, encoding="utf-8")


def answers_in(source: Path) -> dict[str, str]:
    """The reference answers of an assignment, by cell id."""
    notebooks = [nbformat.read(path, as_version=4) for path in source.glob("*.ipynb")]
    return {
        grade_id_of(c): c.source for nb in notebooks for c in nb.cells if c.metadata.get("nbgrader", {}).get("solution")
    }


def marks(
    database: Path, assignment: str, course_id: str = ""
) -> dict[tuple[str, str, str], tuple[float | None, bool]]:
    """(student, notebook, cell) -> (points that were given by a program, whether a person has still to look)."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{database}", course_id) as book:
        return {
            (submission.student.id, notebook.name, grade.name): (grade.auto_score, bool(grade.needs_manual_grade))
            for submission in book.assignment_submissions(assignment)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


@contextlib.contextmanager
def formgrader(folder):
    """A function that gets a page of a running formgrader; `address` and `token` are its attributes."""
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    token = uuid.uuid4().hex
    extension = "nbgrader.server_extensions.formgrader"
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
         "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.jpserver_extensions={extension}=True"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def get(path):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/formgrader/{path}", headers={"Authorization": f"token {token}"}
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.read().decode()

    try:
        ends = time.monotonic() + 60
        while True:
            try:
                get("api/status")
                break
            except (urllib.error.URLError, ConnectionError):
                assert server.poll() is None and time.monotonic() < ends
                time.sleep(0.2)
        get.address, get.token = f"http://127.0.0.1:{port}/formgrader/", token
        yield get
    finally:
        server.terminate()
        server.wait(30)
