"""Applies course.toml to the cells of a lab: leaves out exercises and changes points.

The result is what the lab's sources would be if an author had written it so: build, release, prove and the guide need no
further rule. An exercise that is left out keeps a short function that raises `LeftOut`, so that the cells below it show the
expected figures; its task, hints, checks and answer are gone.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from autograder.course.choices import ChoiceError, LabChoice, near
from autograder.course.markers import BEGIN_SOLUTION, END_SOLUTION, HEADING, POINTS, STUB, stub_of

if TYPE_CHECKING:
    from autograder.author.lab_source import Cell

POINTS_IN_TASK = re.compile(r"\((\d+(?:\.\d+)?) points?(?=[,)])")


def apply(choice: LabChoice, sources: Mapping[str, tuple[Cell, ...]]) -> dict[str, tuple[Cell, ...]]:
    """The cells of each notebook of a lab, as course.toml wants them.

    Raises
    ------
    ChoiceError
        If a key does not exist, points are given to something that is left out or cannot have points, nothing is left, or the
        points do not add up to the required total.
    """
    cells = [cell for each in sources.values() for cell in each]
    if choice.changes_exercises:
        points = _points(choice, cells)
        sources = {
            stem: tuple(changed for cell in each for changed in _changed(cell, each, choice.drop, points))
            for stem, each in sources.items()
        }
        cells = [cell for each in sources.values() for cell in each]
        if not any(cell.is_solution or cell.is_manual for cell in cells):
            raise ChoiceError(
                choice.where, "every exercise is left out. Leave out the lab instead: remove it from `labs`."
            )
    total = math.fsum(cell.nbgrader.get("points", 0) for cell in cells if cell.is_graded or cell.is_manual)
    if choice.total is not None and not math.isclose(total, choice.total, abs_tol=1e-6):
        raise ChoiceError(choice.where, f"`total` is {choice.total:g}, but the points add up to {total:g}.")
    if choice.weight and not total:
        raise ChoiceError("[weights]", f"{cells[0].path.parent.name} has no points, so its weight must be 0.")
    return dict(sources)


def _points(choice: LabChoice, cells: Sequence[Cell]) -> dict[str, float]:
    """The new points of each graded cell and written answer that changes."""
    checks: dict[str, list[Cell]] = {cell.id: [] for cell in cells if cell.is_solution}
    for cell in cells:
        if cell.is_graded and (key := cell.id.rsplit("-", 1)[0]) in checks:
            checks[key].append(cell)
    written = {cell.id: cell for cell in cells if cell.is_manual}
    single = {cell.id: cell for each in checks.values() for cell in each}
    for key in choice.drop:
        if key not in checks and key not in written:
            raise ChoiceError(f"{choice.where} drop", _no_such(key, [*checks, *written]))
    where, new = f"{choice.where} points", dict[str, float]()
    for key, points in choice.points.items():
        exercise = key if key in checks or key in written else key.rsplit("-", 1)[0]
        if key not in checks and key not in written and key not in single:
            raise ChoiceError(where, _no_such(key, [*checks, *single, *written]))
        if exercise in choice.drop:
            raise ChoiceError(where, f"`{key}` has points, but `{exercise}` is left out by `drop`.")
        if key != exercise and exercise in choice.points:
            raise ChoiceError(where, f"both `{exercise}` and its check `{key}` have points. Keep one of them.")
        if not points:
            raise ChoiceError(where, f"`{key}` has 0 points. Leave it out with `drop`, or give it more.")
        mine = checks[key] if key in checks else [written[key] if key in written else single[key]]
        old = sum(Fraction(str(cell.nbgrader.get("points", 0))) for cell in mine)
        if not old:
            raise ChoiceError(where, f"`{key}` is a bonus exercise, which has no points.")
        shares = _shares(Fraction(str(points)), [Fraction(str(cell.nbgrader["points"])) for cell in mine])
        if shares is None:
            raise ChoiceError(
                where,
                f"`{key}`: {points:g} points are too few for {len(mine)} checks.",
            )
        new |= {cell.id: float(share) for cell, share in zip(mine, shares, strict=True)}
    return new


def _shares(points: Fraction, old: Sequence[Fraction]) -> list[Fraction] | None:
    """Points shared in the old proportions: exactly, if hundredths allow it, else in quarters (or hundredths) with the same sum.

    None if that is impossible, or a share would be 0.
    """
    exact = [points * one / sum(old) for one in old]
    if all((share * 100).denominator == 1 for share in exact):
        return exact
    unit = next((unit for unit in (Fraction(1, 4), Fraction(1, 100)) if (points / unit).denominator == 1), None)
    if unit is None:
        return None
    shares = [share // unit * unit for share in exact]
    # The largest remainders are rounded up; of equal ones the first.
    order = sorted(range(len(old)), key=lambda i: shares[i] - exact[i])
    for i in order[: int((points - sum(shares)) / unit)]:
        shares[i] += unit
    return shares if all(shares) else None


def _no_such(key: str, known: Sequence[str]) -> str:
    return f"this lab has no exercise `{key}`.{near(key, known)} Expected one of: {', '.join(known)}."


def _changed(cell: Cell, cells: Sequence[Cell], drop: Sequence[str], points: Mapping[str, float]) -> list[Cell]:
    """What replaces a cell: nothing, the cell itself, or a changed one."""
    if cell.kind == "markdown" and (heading := HEADING.search(cell.source)) and heading["key"] in drop:
        kept = f"{cell.source[: heading.start()]}### Left out: `{heading['key']}`\n\n"
        kept += (
            "This exercise is not part of your course. Where its result is needed below, the expected figure is shown."
        )
        return [replace(cell, source=kept)]
    if cell.id in drop:
        return [] if cell.is_manual else [_left_out(cell)]
    if cell.is_graded and cell.id.rsplit("-", 1)[0] in drop:
        return []
    if "check" in cell.tags and any(cell.source.strip() == f"checks.{key}({key})" for key in drop):
        return []
    if cell.id in points:
        return [_with_points(cell, points[cell.id])]
    return [cell]


def _left_out(cell: Cell) -> Cell:
    """The solution cell without task and answer: a function that raises LeftOut."""
    lines = stub_of(cell.source).split("\n")
    function = next(n for n in ast.parse(cell.source).body if isinstance(n, ast.FunctionDef) and n.name == cell.id)
    doc = ast.get_docstring(function)
    if doc and function.body[0].end_lineno:
        first = doc.strip().split("\n")[0].replace("\\", "\\\\").replace('"""', "'''")
        lines[function.body[0].lineno - 1 : function.body[0].end_lineno] = [f'    """{first}"""']
    source = "\n".join(lines).replace(STUB, f'raise LeftOut("{cell.id}")')
    return replace(cell, source=f"from medxai.errors import LeftOut\n\n{source}", nbgrader={})


def _with_points(cell: Cell, points: float) -> Cell:
    old = cell.nbgrader["points"]
    number = int(points) if points.is_integer() else points
    said = f"{number:g} {'point' if number == 1 else 'points'}"
    if cell.is_graded:
        source = POINTS.sub(f" ({said})", cell.source, count=1)
    else:
        task, mark, answer = cell.source.partition(BEGIN_SOLUTION)
        answer, end, rest = answer.partition(END_SOLUTION)
        scale = f"\n*Points.* The rubric adds up to {old:g}; in this course the answer has {said}: multiply by {number / old:g}.\n"
        source = POINTS_IN_TASK.sub(f"({said}", task, count=1) + mark + answer + scale + end + rest
    return replace(cell, source=source, nbgrader=cell.nbgrader | {"points": number})
