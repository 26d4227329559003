"""The instructor's guide to a lab, `guide.md` next to its sources: every exercise with its minutes, the properties that its
checks test, the misconception behind each wrong answer, and the model answers of manually graded tasks.

`autograder build` generates it from the sources, so it is always up to date. It contains answers and is never released.
"""

from __future__ import annotations

import ast

from autograder.author.lab_source import Cell, Exercise, Lab, Mutant
from autograder.course.markers import BEGIN_SOLUTION, END_SOLUTION

NAME = "guide.md"


def text(lab: Lab) -> str:
    """The guide of one lab, as Markdown."""
    parts = [f"# {title(lab)}: instructor's guide", _preface(lab)]
    for path in lab.notebooks:
        parts.append(f"## {path.stem}")
        parts += [_exercise(exercise) for exercise in lab.exercises if exercise.notebook == path.stem]
        parts += [_manual(cell) for cell in lab.sources[path.stem] if cell.is_manual]
    return "\n\n".join(parts) + "\n"


def title(lab: Lab) -> str:
    """The lab's number and topic, such as "05 Cam"."""
    return f"{lab.number} {lab.name.partition('_')[2].replace('_', ' ').capitalize()}"


def minutes(lab: Lab, notebook: str) -> int:
    """The total minutes of a notebook's exercises according to their headings, without bonus exercises."""
    return sum(e.minutes for e in lab.exercises if e.notebook == notebook and not e.bonus)


def _preface(lab: Lab) -> str:
    rows = [
        "| notebook | exercises | bonus | minutes for the exercises | points, of which graded manually |",
        "|---|---|---|---|---|",
    ]
    for path in lab.notebooks:
        here = [e for e in lab.exercises if e.notebook == path.stem]
        by_hand = sum(task.points for task in lab.manual if task.notebook == path.stem)
        points = sum(e.points for e in here) + by_hand
        bonus = sum(e.bonus for e in here)
        rows.append(
            f"| {path.stem} | {len(here) - bonus} | {bonus} | {minutes(lab, path.stem)} | {points:g}, {by_hand:g} |"
        )
    return (
        f"Written by `autograder build {lab.number}` from the sources in this folder: edit those instead. It contains answers and is never released.\n\n"
        + "\n".join(rows)
    )


def _exercise(exercise: Exercise) -> str:
    kind = "bonus, " if exercise.bonus else ""
    lines = [
        f"### `{exercise.key}` ({kind}{exercise.difficulty}, {exercise.minutes} minutes, {exercise.points:g} points)"
    ]
    task = _first_sentence(exercise.reference)
    if task:
        lines += ["", task]
    lines += ["", "Properties checked:", ""]
    lines += [f"- `{cell.id}` ({cell.points:g}): {cell.statement}." for cell in exercise.cells]
    lines += ["", "| wrong answer | misconception | loses | message |", "|---|---|---|---|"]
    lines += [_mutant(mutant) for mutant in exercise.mutants]
    return "\n".join(lines)


def _mutant(mutant: Mutant) -> str:
    lost = ", ".join(cell.rpartition("-")[2] for cell in mutant.loses) or "nothing"
    told = "none: the visible check passes" if mutant.told is None else mutant.told
    return f"| {mutant.name.replace('_', ' ')} | {in_table(mutant.why)} | {lost} | {in_table(told)} |"


def _manual(cell: Cell) -> str:
    """The task and its answer, with headings one level deeper."""
    kept = [line for line in cell.source.split("\n") if line.strip() not in (BEGIN_SOLUTION, END_SOLUTION)]
    return "\n".join(kept).strip()


def _first_sentence(reference: str) -> str:
    function = next((node for node in ast.parse(reference).body if isinstance(node, ast.FunctionDef)), None)
    told = ast.get_docstring(function) if function else None
    return " ".join(told.split("\n\n")[0].split()) if told else ""


def in_table(words: str) -> str:
    """A text escaped for a table cell."""
    return words.replace("|", "\\|")
