"""Static analysis of an assignment: its cells in order, and the names that each of them binds and reads."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from autograder.course.markers import BEGIN_HIDDEN
from autograder.notebook.cells import grade_id_of, is_graded, points_in
from autograder.notebook.syntax import LONGEST_KEPT, _touched, bound, is_import, mentioned, opaque, statements

LOCKED, SOLUTION, CHECK = "locked", "solution", "check"


@dataclass(frozen=True)
class CodeCell:
    """One code cell of the instructor's notebook.

    `kind` is "check" (earns points), "solution" (the student's answer; `source` is the reference solution) or "locked"
    (anything else). `hidden` is True if students have not seen its whole text.
    """

    kind: str
    id: str
    source: str
    points: float = 0.0
    hidden: bool = False


def code_cells_of(notebook: Any, demos: bool = False) -> list[CodeCell]:
    """The code cells of an instructor's notebook, with or without those tagged `demo`."""
    cells = []
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader") or {}
        if cell.cell_type != "code" or ("demo" in cell.metadata.get("tags", ()) and not demos):
            continue
        kind = CHECK if is_graded(cell) else SOLUTION if meta.get("solution") else LOCKED
        points = points_in(cell) if kind == CHECK else 0.0
        cells.append(
            CodeCell(kind, grade_id_of(cell), cell.source, points, kind == CHECK and BEGIN_HIDDEN in cell.source)
        )
    return cells


def to_json(cells: Sequence[CodeCell]) -> list[dict[str, Any]]:
    """Cells as plain data; `from_json` reads it."""
    return [asdict(cell) for cell in cells]


def from_json(data: list[dict[str, Any]]) -> list[CodeCell]:
    """The cells that `to_json` wrote."""
    return [CodeCell(**cell) for cell in data]


def names_outside_checks(cells: Sequence[CodeCell]) -> frozenset[str]:
    """The global names bound by answers and locked cells: those that students have seen or must define."""
    return frozenset().union(*(bound(s) for cell in cells if cell.kind != CHECK for s in statements(cell.source)))


def with_answers(cells: Sequence[CodeCell], answers: dict[str, str]) -> list[CodeCell]:
    """Cells with other answers in the solution cells, given by id."""
    return [replace(c, source=answers[c.id]) if c.kind == SOLUTION and c.id in answers else c for c in cells]


def needed(cells: Sequence[CodeCell], by: tuple[str, ...] = (CHECK,)) -> set[tuple[int, int]]:
    """(cell, statement) of the locked statements that a check (or a cell of a kind in `by`) can depend on, judging by names.

    These are the statements that bind such a name, or act on one (`data.sort()`, `np.random.seed(0)`). All others, such as
    figures and long computations for the reader, are left out.
    """
    read = [_read(cell.source) for cell in cells]
    # Settings in these affect later imports, whichever cells mention them.
    names = {"sys", "os", "warnings"}.union(*(s.mentions for i, c in enumerate(cells) if c.kind in by for s in read[i]))
    found: set[tuple[int, int]] = set()
    by_name: dict[str, list[tuple[int, int]]] = {}
    for i, cell in enumerate(cells):
        for n, statement in enumerate(read[i] if cell.kind == LOCKED else ()):
            if statement.touches is None:
                found.add((i, n))
            for name in statement.touches or ():
                by_name.setdefault(name, []).append((i, n))
    for i, n in found:
        names |= read[i][n].mentions
    waiting = list(names)
    while waiting:  # each name once: students may write thousands of interdependent statements
        for i, n in by_name.pop(waiting.pop(), ()):
            if (i, n) not in found:
                found.add((i, n))
                waiting += read[i][n].mentions
    return found


@dataclass(frozen=True)
class _Names:
    """The global names in a statement: those it mentions, and those it binds or acts on (None: unknown)."""

    mentions: frozenset[str]
    touches: frozenset[str] | None
    imports: bool


def _read(source: str) -> tuple[_Names, ...]:
    """The names of each statement in a cell. Cells common to all students are parsed once; the cache stays small."""
    return _read_once(source) if len(source) <= LONGEST_KEPT else _read_now(source)


def _read_now(source: str) -> tuple[_Names, ...]:
    names = []
    for statement in statements(source):
        touched = _touched(statement)
        touches = None if touched is None else frozenset(touched)
        names.append(_Names(frozenset(mentioned(statement)), touches, is_import(statement)))
    return tuple(names)


_read_once = lru_cache(maxsize=1000)(_read_now)


def uses_keras(cells: Sequence[CodeCell]) -> bool:
    """Whether the checks of a notebook need Keras: they or their dependencies name it, or answers create networks."""
    checks = [cell.source for cell in cells if cell.kind == CHECK]
    checks += [ast.unparse(statements(cells[i].source)[n]) for i, n in needed(cells)]
    answers = [cell.source for cell in cells if cell.kind == SOLUTION]
    return any(re.search(r"\b(keras|tensorflow|tf|medxai)\b", text) for text in checks) or any(
        "keras" in text for text in answers
    )


def for_marks(cells: Sequence[CodeCell]) -> list[CodeCell]:
    """Cells without the locked ones that no answer or check can depend on. Cells with imports are always kept.

    Call this with the student's answers inserted: they may read more names than the reference solution.
    """
    # Even in labs with `demo` tags, this also leaves out untagged cells: visible checks, which an endless answer would
    # block until the cell's time limit, and cells that students added to look at their data.
    found = {i for i, _ in needed(cells, (CHECK, SOLUTION))}
    return [
        cell
        for i, cell in enumerate(cells)
        if cell.kind != LOCKED
        or i in found
        or any(statement.imports for statement in _read(cell.source))
        or opaque(cell.source)
    ]


def affected(cells: Sequence[CodeCell], answers: Collection[str]) -> list[CodeCell]:
    """Cells without the checks that changed answers in these solution cells cannot affect, judging by names."""
    trees = {cell: statements(cell.source) for cell in cells}
    binds = {cell: set().union(*map(bound, trees[cell])) for cell in cells}
    reads = {cell: set().union(*map(mentioned, trees[cell])) for cell in cells}
    names = set().union(*(binds[cell] for cell in cells if cell.kind == SOLUTION and cell.id in answers))
    while True:
        # A cell that reads one of these names may bind others with it. A check that binds a name read by such a check is kept too.
        new = set().union(*(binds[cell] for cell in cells if reads[cell] & names)) - names
        if not new:
            break
        names |= new
    wanted = set().union(*(reads[cell] for cell in cells if cell.kind == CHECK and reads[cell] & names))
    return [c for c in cells if c.kind != CHECK or reads[c] & names or binds[c] & wanted]
