"""`autograder prove`: verifies the checks of a lab before it reaches students.

For each exercise: the reference solution earns all points and passes its visible check; the stub earns none; each mutant
loses exactly the graded cells listed in its file and gets the message quoted there. All this is repeated for several
seeds, because hidden checks use random inputs: a mark must not depend on chance.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from autograder.author import proofs
from autograder.author.lab_source import PASSES, THE_REFERENCE, THE_STUB, Exercise, Lab, load_lab
from autograder.course.course import Course
from autograder.course.find import course_around
from autograder.plain_text import count, plain

SEEDS = 5
SECONDS = 20.0  # time limit for one check of one answer
LONGEST = 900.0  # time limit for a lab


@dataclass(frozen=True)
class Row:
    """One answer to one exercise, and whether its checks give the expected results.

    `expected` and `got` are sentences, equal if all is well. `lost` are the graded cells that fail, `messages` the message
    of each, `told` the visible check's message, None if it passes.
    """

    lab: str
    exercise: str
    answer: str
    ok: bool
    expected: str
    got: str
    lost: tuple[str, ...] = ()
    told: str | None = None
    seconds: float = 0.0
    messages: dict[str, str] = field(default_factory=dict)


def run(
    course: Course,
    labs: Sequence[str] | None = None,
    seeds: int = SEEDS,
    seconds: float = SECONDS,
    console: Console | None = None,
) -> bool:
    """Proves the named labs (default: all) and shows a table; returns True if all results are as expected.

    Raises
    ------
    AutograderError
        If a lab is missing or unreadable.
    """
    console = console or Console()
    right = True
    for folder in course.choose(labs):
        lab = load_lab(folder)
        with Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console
        ) as progress:
            progress.add_task(
                f"Proving {lab.name}: {sum(len(e.mutants) + 2 for e in lab.exercises)} answers", total=None
            )
            rows = prove_lab(lab, seeds, seconds, course)
        _show(console, lab, rows, seeds)
        holds = all(row.ok for row in rows)
        proofs.keep(course, folder, holds)
        right &= holds
    return right


def prove_lab(lab: Lab | Path, seeds: int = SEEDS, seconds: float = SECONDS, course: Course | None = None) -> list[Row]:
    """One row for each answer in a lab: the reference, the stub and the mutants of every exercise.

    Parameters
    ----------
    lab : Lab or Path
        The lab, or its source folder.
    seeds : int
        Seeds 0 to seeds - 1 are used, and the one in the notebook's graded cell.
    seconds : float
        Time limit for one check; a check that takes longer fails.
    course : Course, optional
        Default: the course that contains the lab's folder.

    Returns
    -------
    list of Row
        Includes answers that were never checked: a failed setup cell gives a row that is not ok.
    """
    lab = lab if isinstance(lab, Lab) else load_lab(lab)
    course = course or course_around(lab.folder)
    with tempfile.TemporaryDirectory() as folder:
        result, job, log = (Path(folder, name) for name in ("result.jsonl", "job.json", "log.txt"))
        job.write_text(json.dumps({"seeds": seeds, "seconds": seconds, "result": str(result)}), encoding="utf-8")
        command = [sys.executable, "-m", "autograder.author.prove_worker", str(lab.folder), str(job)]
        problem = ""
        with open(log, "wb") as out:
            try:
                done = subprocess.run(
                    command,
                    env=course.environment(MPLBACKEND="Agg", TF_CPP_MIN_LOG_LEVEL="2"),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    timeout=LONGEST,
                )
                if done.returncode:
                    problem = f"the process exited with status {done.returncode}"
            except subprocess.TimeoutExpired:
                problem = f"the process was stopped after {LONGEST:g} s"
        lines = (
            [json.loads(line) for line in result.read_text(encoding="utf-8").splitlines()] if result.exists() else []
        )
        if problem:
            last = log.read_text(errors="replace", encoding="utf-8").strip().splitlines()[-1:]
            problem += f": {last[0]}" if last else ""
    return _rows(lab, lines, problem)


def _rows(lab: Lab, lines: list[dict[str, Any]], problem: str) -> list[Row]:
    setup = next((line for line in lines if line["answer"] == "setup"), {})
    if "error" in setup:
        return [Row(lab.name, "", "setup", False, "the setup cells and reference solutions run", plain(setup["error"]))]
    found = {(line["exercise"], line["answer"]): line for line in lines if "begun" not in line}
    begun = {(line["exercise"], line["answer"]) for line in lines if "begun" in line}
    rows = []
    for exercise in lab.exercises:
        for answer, loses, told in _answers(exercise):
            line = found.get((exercise.key, answer), {})
            if not line:
                why = "checking it ended the process" if (exercise.key, answer) in begun else "not checked"
                line = {"error": f"{why}{f' ({problem})' if problem else ''}"}
            rows.append(_row(lab, exercise, answer, loses, told, line))
    return rows


def _answers(exercise: Exercise) -> list[tuple[str, tuple[str, ...], str | None]]:
    """(answer, the cells it loses, a part of its message: "" for any message, None if the visible check passes)."""
    everything = tuple(cell.id for cell in exercise.cells)
    mutants = [(f"mutant {m.name}", m.loses, m.told) for m in exercise.mutants]
    return [(THE_REFERENCE, (), None), (THE_STUB, everything, ""), *mutants]


def _row(
    lab: Lab, exercise: Exercise, answer: str, loses: tuple[str, ...], told: str | None, line: dict[str, Any]
) -> Row:
    order = [cell.id for cell in exercise.cells]
    expected = f"{_losing(order, loses)}; message: {PASSES if told is None else told or 'any'}"
    if "error" in line:
        return Row(
            lab.name, exercise.key, answer, False, expected, plain(line["error"]), seconds=line.get("seconds", 0)
        )
    by_seed = [tuple(lost) for lost in line["lost"]]
    same = all(set(lost) == set(by_seed[0]) for lost in by_seed)
    heard = line["told"]
    right_told = heard is None if told is None else heard is not None and told in heard
    right = same and set(by_seed[0]) == set(loses)
    if same:
        losing = _losing(order, by_seed[0])
    else:
        each = ", ".join(
            f"{'the notebook' if i == len(by_seed) - 1 else i}: {_losing(order, lost)}"
            for i, lost in enumerate(by_seed)
        )
        losing = f"depends on the seed ({each})"
    got = expected if right and right_told else f"{losing}; message: {PASSES if heard is None else plain(heard, 300)}"
    lost = tuple(i for i in order if any(i in each for each in by_seed))
    return Row(
        lab.name,
        exercise.key,
        answer,
        right and right_told,
        expected,
        got,
        lost,
        heard,
        line["seconds"],
        line["messages"],
    )


def _losing(order: list[str], lost: Sequence[str]) -> str:
    return f"loses {', '.join(i for i in order if i in lost)}" if lost else "loses nothing"


def _show(console: Console, lab: Lab, rows: list[Row], seeds: int) -> None:
    wrong = [row for row in rows if not row.ok]
    table = Table(title=f"{lab.name}, {count(seeds, 'seed')} plus the notebook's", title_justify="left")
    for column in ("exercise", "points", "reference", "stub", "mutants", "seconds"):
        table.add_column(column, justify="left" if column == "exercise" else "right")
    for exercise in lab.exercises:
        mine = [row for row in rows if row.exercise == exercise.key]
        if not mine:
            continue
        ok = {row.answer: row.ok for row in mine}
        mutants = [row.ok for row in mine if row.answer not in (THE_REFERENCE, THE_STUB)]
        table.add_row(
            Text(exercise.key),
            f"{exercise.points:g}" if exercise.points else "bonus",
            _tick(ok.get(THE_REFERENCE, False), "full points", "NOT full points"),
            _tick(ok.get(THE_STUB, False), "no points", "NOT no points"),
            _tick(all(mutants), f"{len(mutants)} of {len(mutants)}", f"only {sum(mutants)} of {len(mutants)}"),
            f"{sum(row.seconds for row in mine):.1f}",
        )
    console.print(table)
    for row in wrong:
        console.print(Text(f"\n{row.lab} {row.exercise} {row.answer}", style="bold red"), soft_wrap=True)
        console.print(Text(f"  expected: {row.expected}"), soft_wrap=True)
        console.print(Text(f"  got:      {row.got}"), soft_wrap=True)
        for cell, message in row.messages.items():
            console.print(Text(f"    {cell} says: {plain(message, 300)}"), soft_wrap=True)
    if not wrong:
        console.print(f"{len(rows)} answers, all as expected.", highlight=False)


def _tick(right: bool, text: str, wrong: str) -> Text:
    return Text(text, style="green") if right else Text(wrong, style="red")
