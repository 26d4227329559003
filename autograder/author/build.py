"""`autograder build`: builds the solution notebooks from their sources, reproducibly to the byte."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.author import guide
from autograder.author.hidden_checks import HiddenChecks
from autograder.author.lab_source import Cell, Lab, load_lab
from autograder.author.rules import check
from autograder.course.course import Course
from autograder.errors import SourceError, SourceErrors
from data_fetch.store.atomic import write_atomically

if TYPE_CHECKING:
    from rich.console import Console

MAX_BYTES = 200_000
KEPT = {"keep_output", "nbval-check-output"}  # tags of cells whose outputs are kept in a solution notebook
COMPARED = "nbval-check-output"


def run(course: Course, labs: Sequence[str] | None = None, console: Console | None = None) -> list[Path]:
    """Builds the named labs (default: all); returns the notebooks' paths.

    Raises
    ------
    SourceError
        If a lab breaks the rules; reports all problems at once. None of its notebooks is changed.
    """
    written: list[Path] = []
    problems: list[SourceError] = []
    for folder in course.choose(labs):
        try:
            lab = load_lab(folder)
            paths, lost = build_lab(lab)
        except SourceError as e:
            problems += getattr(e, "problems", (e,))
            continue
        written += paths
        if console:
            console.print(
                f"{lab.name}: {', '.join(p.name for p in paths)} ({_count(len(lab.exercises), 'exercise')}, {_count(lab.points, 'point')})"
            )
            if lost:
                console.print(
                    f"  No up-to-date recorded output for {_count(len(lost), 'cell')}. Run: autograder reference {lab.number}"
                )
    if problems:
        raise SourceErrors(problems)
    return written


def build_lab(lab: Lab) -> tuple[list[Path], list[str]]:
    """Checks one lab and writes its notebooks and the instructor's guide next to their sources.

    Returns
    -------
    (paths, lost)
        The notebooks, and the ids of cells whose recorded output is missing (new, or changed since it was recorded).

    Raises
    ------
    SourceErrors
        If the lab breaks rules; reports all problems, with file and line.
    SourceError
        If a notebook is too large.
    """
    problems = check(lab)
    if problems:
        raise SourceErrors(problems)
    made, lost = {}, []
    for path in lab.notebooks:
        nb = notebook(lab, path.stem)
        lost += carry_outputs(nb, path.with_suffix(".ipynb"))
        data = to_bytes(nb)
        if len(data) > MAX_BYTES:
            raise SourceError(
                path,
                None,
                f"the notebook is {len(data) // 1000} kB, expected at most {MAX_BYTES // 1000} kB. Keep fewer outputs, or draw smaller figures.",
            )
        made[path.with_suffix(".ipynb")] = data
    for path, data in made.items():
        write_atomically(path, data)
    write_atomically(lab.folder / guide.NAME, guide.text(lab).encode())
    return list(made), lost


def notebook(lab: Lab, stem: str) -> NotebookNode:
    """One solution notebook, without outputs, with its hidden checks and reproducible cell ids."""
    nb = nbformat.v4.new_notebook()
    nb.metadata = notebook_metadata()
    graded = {g.id: (e, g) for e in lab.exercises for g in e.cells}
    seen: dict[str, int] = {}
    for cell in lab.sources[stem]:
        source = cell.source
        if cell.is_graded:
            exercise, one = graded[cell.id]
            source = HiddenChecks(exercise.hidden_path, exercise.key).cell_source(one, cell.source)
        new = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
        made = new(source, id=_cell_id(cell, seen), metadata=_metadata(cell))
        nb.cells.append(made)
    number_cells(nb)
    return nb


def notebook_metadata() -> NotebookNode:
    """The metadata of every solution notebook: its kernel, but not the Python version that executed it."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.from_dict({"kernelspec": kernel, "language_info": {"name": "python"}})


def _metadata(cell: Cell) -> dict:
    metadata: dict = {}
    if cell.tags:
        metadata["tags"] = list(cell.tags)
    if cell.nbgrader:
        metadata["nbgrader"] = dict(cell.nbgrader)
    return metadata


def _cell_id(cell: Cell, seen: dict[str, int]) -> str:
    """The grade_id, or a hash of the text and of the number of earlier cells with the same text."""
    if cell.id:
        return cell.id
    nth = seen[cell.source] = seen.get(cell.source, -1) + 1
    return hashlib.sha256(f"{cell.kind}\n{nth}\n{cell.source}".encode()).hexdigest()[:12]


def carry_outputs(nb: NotebookNode, path: Path) -> list[str]:
    """Copies recorded outputs from the notebook at `path` for cells that did not change.

    Returns the ids of cells compared by nbval that now have no recorded output.
    """
    old = {}
    if path.is_file():
        try:
            old = {(c.get("id"), c.source): c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"}
        except Exception:  # a damaged notebook is rebuilt; its recorded outputs are lost, and reported as such
            old = {}
    lost = []
    for cell in nb.cells:
        if cell.cell_type != "code" or not keeps_output(cell):
            continue
        before = old.get((cell.id, cell.source))
        cell.outputs = before.outputs if before is not None else []
        if COMPARED in cell.metadata.tags and not cell.outputs:
            lost.append(cell.id)
    number_cells(nb)
    return lost


def keeps_output(cell: NotebookNode) -> bool:
    """Whether a cell's output is kept in the solution notebook."""
    return bool(KEPT & set(cell.metadata.get("tags", ())))


def number_cells(nb: NotebookNode) -> None:
    """Numbers kept cells as in a run from top to bottom; nbval ignores cells without an execution count."""
    code = [c for c in nb.cells if c.cell_type == "code"]
    for n, cell in enumerate(code, 1):
        compared = COMPARED in cell.metadata.get("tags", ())
        cell.execution_count = n if cell.outputs or compared else None
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = n


def to_bytes(nb: NotebookNode) -> bytes:
    """The notebook file's content: sorted keys, one space of indentation, a trailing newline."""
    return (nbformat.writes(nb, version=nbformat.NO_CONVERT).rstrip("\n") + "\n").encode("utf-8")


def _count(n: float, what: str) -> str:
    return f"{n:g} {what}" if n == 1 else f"{n:g} {what}s"
