""" "Run all" on a released notebook, as a student would do first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.author.reference import execute
from autograder.course.course import Course


@dataclass(frozen=True)
class Failure:
    """A cell that raised: its position, source and exception. `expected` is True for a check cell run on a stub."""

    notebook: str
    cell: int
    source: str
    raised: str
    message: str
    expected: bool


def run_all(course: Course, path: Path, demos: bool = True) -> tuple[NotebookNode, list[Failure]]:
    """ "Run all" on a released notebook, in its own folder, as in JupyterLab; without `demos`, cells tagged "demo" are emptied.

    Returns
    -------
    (notebook, failures)
        The executed notebook, and each cell that raised. A fresh release is correct if its check cells are the only
        failures: see `surprises`.
    """
    nb = nbformat.read(path, as_version=4)
    for cell in nb.cells:
        if not demos and "demo" in cell.metadata.get("tags", ()):
            cell.source = ""
    execute(course, nb, path.parent)
    failures = []
    for n, cell in enumerate(nb.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                stub = output.ename == "NotImplementedError" and "check" in cell.metadata.get("tags", ())
                failures.append(Failure(path.name, n, cell.source, output.ename, output.evalue, stub))
    return nb, failures


def surprises(nb: NotebookNode, failures: Sequence[Failure]) -> list[str]:
    """Unexpected results of "Run all" on a fresh release: other failures, passing check cells, cells not reached."""
    failed = {f.cell for f in failures}
    said = [
        f"{f.notebook}, cell {f.cell} raised {f.raised}: {f.message}\n{f.source}" for f in failures if not f.expected
    ]
    for n, cell in enumerate(nb.cells):
        if "check" in cell.metadata.get("tags", ()) and n not in failed:
            said.append(f"the check in cell {n} did not fail on the stub: {cell.source}")
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
            said.append(f"cell {n} was not reached: {cell.source[:60]}")
    return said
