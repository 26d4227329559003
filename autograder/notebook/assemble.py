"""Inserts a student's answers into the released notebook, so that changes to the other cells have no effect.

The order, the graded cells, the tags and all metadata come from the release. The sources of the answers and of other
unlocked cells, and the cells that the student added (in their places), come from the submission.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.notebook.cells import grade_id_of, is_locked, nbgrader_of
from autograder.notebook.code_cells import CHECK, LOCKED, SOLUTION, CodeCell
from autograder.notebook.inert import inert, pictures
from autograder.plain_text import plain
from autograder.remarks import About, Remark

LONGEST_CELL = 200_000  # characters; parsing a very long text takes Python minutes and gigabytes
MOST_ADDED, LONGEST_ADDED = 1_000, 1_000_000  # number of cells added by the student, and of characters in all of them
SHOWN_OUTPUT = 20_000  # characters of printed text shown per cell
SHOWN_IMAGE = 3 * 2**20  # base64 characters
IMAGES = ("image/png", "image/jpeg")


@dataclass
class Assembled:
    """The released notebook with a student's answers.

    `notebook` keeps the outputs from the student's machine, sanitised. `origin` gives the index of the released cell for each
    of its cells, None for one that the student added. `remarks` report changed, missing and duplicate cells.
    """

    notebook: NotebookNode
    origin: list[int | None] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def cells_to_run(
        self, released: NotebookNode, instructor: Sequence[CodeCell], demos: bool = False
    ) -> list[CodeCell]:
        """The code cells to run for a student, with the answers.

        Parameters
        ----------
        released : NotebookNode
        instructor : sequence of CodeCell
            All cells of the instructor's notebook, from `code_cells_of`.
        demos : bool
            Also run the released cells tagged `demo`.

        Returns
        -------
        list of CodeCell
            Check cells and locked cells are the instructor's. For an unlocked cell that the student edited, the released
            text runs first, then the student's, so that breaking a given cell does not cost marks.
        """
        checks = {cell.id: cell for cell in instructor if cell.kind == CHECK}
        cells: list[CodeCell] = []
        for cell, index in zip(self.notebook.cells, self.origin, strict=True):
            if cell.cell_type != "code":
                continue
            grade_id = grade_id_of(cell)
            if index is None:
                cells.append(CodeCell(LOCKED, "", cell.source))
            elif grade_id in checks:
                cells.append(checks[grade_id])
            elif nbgrader_of(cell).get("solution"):
                cells.append(CodeCell(SOLUTION, grade_id, cell.source))
            else:
                original = released.cells[index]
                if demos or "demo" not in original.metadata.get("tags", ()):
                    cells.append(CodeCell(LOCKED, grade_id, original.source))
                if cell.source.strip() != original.source.strip():
                    cells.append(CodeCell(LOCKED, "", cell.source))
        return cells


def assemble(released: NotebookNode, submitted: NotebookNode) -> Assembled:
    """The released notebook with the answers of a submitted one.

    Cells are matched by nbgrader id, else by cell id, else by equal text, and an answer that lost its metadata by the
    function that it defines. A missing cell is restored as released.
    """
    match, doubles = _match(released, submitted)
    remarks = [Remark(About.DOUBLE, grade_id) for grade_id in doubles]
    taken = {index: cell for index, cell in match.items() if index is not None}
    added = _kept(match.added, remarks)
    cells: list[NotebookNode] = []
    origin: list[int | None] = []
    for cell in added.get(-1, []):
        cells.append(_added(cell, len(cells)))
        origin.append(None)
    for index, cell in enumerate(released.cells):
        theirs = taken.get(index)
        mine = nbformat.from_dict(json.loads(json.dumps(cell)))
        grade_id = grade_id_of(cell)
        if theirs is None:
            if grade_id:
                remarks.append(Remark(About.CELL_MISSING, grade_id))
        else:
            if is_locked(cell):
                if theirs.source.strip() != cell.source.strip():
                    remarks.append(Remark(About.LOCKED_CHANGED, grade_id))
            elif len(theirs.source) > LONGEST_CELL:
                remarks.append(Remark(About.LONG_CELL, grade_id, most=LONGEST_CELL))
            elif mine.cell_type == "code" or theirs.source == cell.source:
                mine.source = theirs.source
            else:
                _take_text(mine, theirs)
            if grade_id and nbgrader_of(theirs).get("points", None) not in (None, nbgrader_of(cell).get("points")):
                remarks.append(Remark(About.POINTS_CHANGED, grade_id))
            if mine.cell_type == "code":
                mine.outputs = harmless(theirs.get("outputs", [])) if theirs.cell_type == "code" else []
        cells.append(mine)
        origin.append(index)
        for extra in added.get(index, []):
            cells.append(_added(extra, len(cells)))
            origin.append(None)
    notebook = nbformat.from_dict({**json.loads(json.dumps(released)), "cells": []})
    notebook.cells = cells
    return Assembled(notebook, origin, remarks)


def harmless(outputs: list[Any]) -> list[NotebookNode]:
    """Outputs that are safe to show: printed text and images, no HTML, scripts or widgets, bounded in size."""
    kept = []
    for output in outputs if isinstance(outputs, list) else []:
        try:
            kind = output["output_type"]
            if kind == "stream":
                kept.append(nbformat.v4.new_output("stream", name="stdout", text=_text(output["text"])))
            elif kind == "error":
                text = f"{output.get('ename', '')}: {_text(output.get('evalue', ''))}"
                kept.append(nbformat.v4.new_output("stream", name="stdout", text=text))
            elif kind in ("display_data", "execute_result"):
                picture = next((t for t in IMAGES if t in output["data"]), None)
                data: dict[str, str] = {}
                if picture and _is_base64(output["data"][picture]):
                    data[picture] = "".join(output["data"][picture])
                elif "text/plain" in output["data"]:
                    data["text/plain"] = _text(output["data"]["text/plain"])
                if data:
                    alt = _alt(output, picture)
                    kept.append(nbformat.v4.new_output("display_data", data=data, metadata=alt))
        except (KeyError, TypeError, AttributeError):
            continue  # an invalid output, from the student's machine; no mark depends on it
    return kept


class _Matches(dict):
    """Submitted cells by index in the release; `added` holds the others by the released cell that they follow."""

    def __init__(self) -> None:
        super().__init__()
        self.added: dict[int, list[NotebookNode]] = {}


def _match(released: NotebookNode, submitted: NotebookNode) -> tuple[_Matches, list[str]]:
    by_grade_id = {grade_id_of(c): i for i, c in enumerate(released.cells) if grade_id_of(c)}
    by_id = {c.get("id"): i for i, c in enumerate(released.cells) if c.get("id")}
    place: dict[int, int] = {}  # position in the submission -> index in the release
    used: set[int] = set()
    doubles: list[str] = []

    def take(position: int, index: int | None) -> None:
        if index is not None and index not in used and position not in place:
            place[position] = index
            used.add(index)

    positions = list(enumerate(submitted.cells))
    for position, cell in reversed(positions):  # the last of several copies counts, as in nbgrader
        index = by_grade_id.get(grade_id_of(cell))
        if index in used and grade_id_of(cell) not in doubles:
            doubles.append(grade_id_of(cell))
        take(position, index)
    for position, cell in positions:
        take(position, by_id.get(cell.get("id")))
    texts: dict[str, list[int]] = {}
    for index, cell in enumerate(released.cells):
        texts.setdefault(cell.source.strip(), []).append(index)
    for position, cell in positions:
        take(position, next((i for i in texts.get(cell.source.strip(), []) if i not in used), None))
    for grade_id, index in by_grade_id.items():
        if (
            index in used
            or released.cells[index].cell_type != "code"
            or not nbgrader_of(released.cells[index]).get("solution")
        ):
            continue
        defines = re.compile(rf"(?m)^def {re.escape(grade_id)}\(")
        for position, cell in reversed(positions):
            if position not in place and cell.cell_type == "code" and defines.search(cell.source):
                take(position, index)
                break

    matches = _Matches()
    last = -1
    for position, cell in positions:
        if position in place:
            last = place[position]
            matches[last] = cell
        elif cell.source.strip():
            matches.added.setdefault(last, []).append(cell)
    return matches, doubles


def _kept(added: dict[int, list[NotebookNode]], remarks: list[Remark]) -> dict[int, list[NotebookNode]]:
    """The cells that a student added, up to generous limits."""
    left, length = MOST_ADDED, LONGEST_ADDED
    kept: dict[int, list[NotebookNode]] = {}
    for index, cells in sorted(added.items()):
        for cell in cells:
            if not left or len(cell.source) > min(LONGEST_CELL, length):
                limits = f"{MOST_ADDED:,} cells, {LONGEST_ADDED:,} characters"
                remarks.append(Remark(About.MORE_CELLS, text=limits))
                return kept
            left, length = left - 1, length - len(cell.source)
            kept.setdefault(index, []).append(cell)
    return kept


def _added(cell: NotebookNode, number: int) -> NotebookNode:
    """A cell added by the student, without metadata: its tags cannot prevent it, or another cell, from running."""
    if cell.cell_type == "code":
        new = nbformat.v4.new_code_cell(cell.source, outputs=harmless(cell.get("outputs", [])))
    else:
        new = nbformat.v4.new_markdown_cell("")
        _take_text(new, cell)
    new.id = f"added-{number}"
    return new


def _take_text(mine: NotebookNode, theirs: NotebookNode) -> None:
    """Puts a student's Markdown, with its pictures, into a cell that the instructor will open."""
    kept = pictures(theirs.get("attachments"))
    mine.source = inert(theirs.source, kept)
    mine.pop("attachments", None)
    if kept:
        mine.attachments = nbformat.from_dict(kept)


def _text(text: Any) -> str:
    joined = "".join(text) if isinstance(text, list) else str(text)
    return plain(joined, SHOWN_OUTPUT)


def _alt(output: Any, picture: str | None) -> dict[str, Any]:
    alt = output.get("metadata", {}).get(picture, {})
    alt = alt.get("alt") if isinstance(alt, dict) else None
    return {picture: {"alt": plain(alt, 1000)}} if picture and isinstance(alt, str) else {}


def _is_base64(data: Any) -> bool:
    text = "".join(data) if isinstance(data, list) else data
    return isinstance(text, str) and len(text) <= SHOWN_IMAGE and re.fullmatch(r"[A-Za-z0-9+/=\s]+", text) is not None
