"""`autograder report`: one page for graders on a class and a lab: points earned, points lost and why, and what is still open.

An unknown mark is never taken for 0: it is left out of every statistic and counted separately. The page is
self-contained, loads and runs nothing, and shows whatever a student wrote as plain text.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from autograder.check.protocol.verdict import Cause, Finding
from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.notebook.read import SubmissionError, read_submitted
from autograder.plain_text import plain
from autograder.record import gradebook, sentences
from autograder.record.gradebook import Marks, points_of, standing
from autograder.record.records import FAILED, GRADED, NEEDS_ATTENTION, STATUSES, CellGrade, Record, now, shown, total
from autograder.report import pages
from autograder.report.feedback import records_of
from data_fetch.store.atomic import write_atomically
from medxai.lab import poll

NOT_GRADED = "not graded"  # handed in but without a record; the export uses the same word
BARS = 16  # maximum in the histogram; full marks may get an extra one
MESSAGES, SLOWEST, CASES, NAMES, ROWS = 25, 10, 200, 12, 2000  # lengths at which lists are cut off with "and N more"
WIDTH, HEIGHT = 720, 170  # of the histogram's bars, in SVG units


def run(course: Course, lab: str, console: Console | None = None) -> Path:
    """Writes the class report of a lab.

    Parameters
    ----------
    course : Course
    lab : str
        Number, topic or folder name.
    console : Console, optional
        Console on which the path is shown.

    Returns
    -------
    Path
        The page, `reports/LAB.html`, written atomically.

    Raises
    ------
    AutograderError
        If nothing of the lab has been graded, or the page cannot be written.
    """
    console = console or Console()
    name = course.find(lab).name
    records = records_of(course, name)
    marks = gradebook.marks(course, name) if course.gradebook.is_file() else {}
    submitted = {path.parent.name for path in course.submitted.glob(f"*/{name}") if path.is_dir()}
    waiting = submitted - {record.student for record in records}
    facts = summary(name, records, marks, waiting, polls(course, name), course.weights().get(name))
    path = course.reports / f"{name}.html"
    try:
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, render(facts), mode=0o600)
    except OSError as e:
        raise AutograderError(
            f"Cannot write the report {path}: {e.strerror}. Fix this, then run: autograder report {course.typed(name)}"
        ) from e
    without = facts["submissions"] - facts["marks"]["known"]
    console.print(
        f"{path}: {sentences.submissions(facts['submissions'], without)}",
        highlight=False,
        soft_wrap=True,
    )
    return path


def polls(course: Course, lab: str) -> list[dict[str, dict[str, str] | None]]:
    """Each student's answers to a lab's poll (`medxai.lab.poll`), before and after; empty if the lab has no poll.

    They are read from the submitted notebooks without running anything; unreadable answers count as none.
    """
    asked = [path.name for path in sorted(course.solutions.glob(f"{lab}/*.ipynb")) if _asks(path)]
    found = []
    for folder in sorted(course.submitted.glob(f"*/{lab}")) if asked else ():
        if folder.is_symlink() or folder.parent.is_symlink():
            continue  # submissions are never read through links
        said: dict[str, dict[str, str] | None] = dict.fromkeys(poll.TIMES)
        for name in asked:
            try:
                notebook = read_submitted(folder / name)
            except (SubmissionError, OSError):
                continue
            said = {when: said[when] or poll.read(notebook, when) for when in poll.TIMES}
        found.append(said)
    return found


def _asks(path: Path) -> bool:
    try:
        return poll.asked_in(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError):
        return False


def render(facts: dict[str, Any]) -> str:
    """The page as HTML; every text in `facts` (from `summary`) is escaped."""
    return pages.render("class_report.html.j2", facts)


def summary(
    lab: str,
    records: Sequence[Record],
    marks: Marks,
    waiting: Iterable[str] = (),
    answers: Sequence[dict[str, dict[str, str] | None]] = (),
    weight: float | None = None,
) -> dict[str, Any]:
    """What the page shows.

    Parameters
    ----------
    lab : str
        Folder name.
    records : sequence of Record
    marks : dict
        From the gradebook; manual scores take precedence over graded ones.
    waiting : iterable of str
        Students who handed in and have no record yet.
    answers : sequence of dict
        Answers to the lab's poll, from `polls`; empty if it has none.
    weight : float, optional
        The lab's share of the course's total, in percent.

    Returns
    -------
    dict
        Data for the template, by section: numbers, and unescaped texts.
    """
    waiting = sorted(waiting)
    states = Counter(record.status for record in records) + Counter({NOT_GRADED: len(waiting)})
    releases = Counter(record.release for record in records if record.release)
    return {
        "lab": lab,
        "made": now().replace("T", " ").replace("+00:00", " UTC"),
        "weight": None if weight is None else shown(weight),
        "submissions": len(records) + len(waiting),
        "states": [(state, states[state]) for state in (*STATUSES, NOT_GRADED) if states[state]],
        "releases": [(plain(release, 40), count) for release, count in sorted(releases.items())],
        "marks": _marks(records, marks, states),
        "exercises": _exercises(records, marks),
        "properties": _properties(records, marks),
        "answers": _answers(records, marks),
        "poll": _poll(answers),
        "messages": _messages(records, marks),
        "cases": _cases(records),
        "unsafe": _names(record.student for record in _judged(records) if record.unsafe),
        "all_unsafe": all(record.unsafe for record in _judged(records)),
        "inside": _inside(records),
        "slowest": _slowest(records),
        "everybody": _everybody(records, marks, waiting),
    }


def _marks(records: Sequence[Record], marks: Marks, states: Counter[str]) -> dict[str, Any]:
    """The distribution of the known marks, and a note on the others."""
    stands = [standing(record, marks) for record in records if record.status == GRADED]
    known = [(stand.points, stand.by_hand) for stand in stands if stand.points is not None]
    points = sorted(earned for earned, _ in known)
    most = max((standing(record, marks).max for record in records), default=0.0)
    unknown = [f"{count} {state}" for state, count in states.items() if state != GRADED]
    if len(stands) > len(known):
        unknown.append(f"{len(stands) - len(known)} {GRADED}, with an ungraded property")
    found: dict[str, Any] = {
        "known": len(known),
        "max": shown(most),
        "unknown": ", ".join(unknown),
        "rising": sum(by_hand > 0 for _, by_hand in known),
        "by_hand": shown(sum(by_hand for _, by_hand in known)),
        "bars": [],
    }
    if not points or not most:
        return found
    bars = _bars(points, most)
    tallest = max(bars, key=lambda bar: bar["count"])
    found |= {
        "mean": _rounded(statistics.mean(points)),
        "median": _rounded(statistics.median(points)),
        "lowest": shown(points[0]),
        "highest": shown(points[-1]),
        "bars": bars,
        "tallest": tallest,
    }
    return found


def _bars(points: list[float], most: float) -> list[dict[str, Any]]:
    """The histogram's bars: steps of 1, 2 or 5 times a power of ten, starting at 0; the last one includes full marks."""
    whole = all(mark.is_integer() for mark in points)
    steps = (base * 10.0**power for power in range(-1 if not whole else 0, 6) for base in (1, 2, 5))
    step = next((s for s in steps if most / s <= BARS), most)
    counts = [0] * (math.floor(most / step + 1e-9) + 1)
    for mark in points:
        counts[min(max(math.floor(mark / step + 1e-9), 0), len(counts) - 1)] += 1
    wide, tallest = WIDTH / len(counts), max(counts)
    bars = []
    for number, count in enumerate(counts):
        low, next_low = number * step, (number + 1) * step
        high = most if number == len(counts) - 1 else next_low - 1 if whole else None
        label = f"{low:g}–<{next_low:g}" if high is None else f"{low:g}" if high == low else f"{low:g}–{high:g}"
        if number == len(counts) - 1 and points[-1] > most:
            label = f"from {low:g}"
        height = HEIGHT * count / tallest
        bars.append(
            {
                "label": label,
                "count": count,
                "x": round(number * wide + 0.1 * wide, 1),
                "width": round(0.8 * wide, 1),
                "middle": round((number + 0.5) * wide, 1),
                "tick": label if whole else f"{low:g}",  # only the lower end of a range: its full label is too long
                "tick_x": round((number + (0.5 if whole else 0)) * wide, 1),
                "y": round(HEIGHT - height, 1),
                "height": round(height, 1),
            }
        )
    return bars


def _exercises(records: Sequence[Record], marks: Marks) -> list[dict[str, Any]]:
    """For each exercise: maximum points, points earned, and by how many students."""
    found: dict[str, list[tuple[Record, list[CellGrade]]]] = {}
    for record in records:
        for key, cells in record.exercises().items():
            found.setdefault(key, []).append((record, cells))
    rows = []
    for key, given in found.items():
        most = max(sum(cell.max for cell in cells) for _, cells in given)
        earned, every, none = [], 0, 0
        for record, cells in given:
            points = total([points_of(record, cell, marks) for cell in cells])
            if points is not None:
                held = [_held(record, cell, marks) for cell in cells]
                earned.append(points)
                every += all(held)
                none += not points and not any(held)
        rows.append(_row(key, most, earned, every, none))
    return rows


def _answers(records: Sequence[Record], marks: Marks) -> list[dict[str, Any]]:
    """For each written answer: the same as for an exercise, and how many await manual grading."""
    found: dict[str, list[tuple[float, float | None]]] = {}
    for record in records:
        if record.status in (GRADED, NEEDS_ATTENTION):
            for task in record.manual:
                points = points_of(record, task, marks)
                found.setdefault(task.exercise, []).append((task.max, points))
    rows = []
    for key, given in found.items():
        earned = [points for _, points in given if points is not None]
        every = sum(points is not None and points >= most for most, points in given)
        open_points = [most for most, points in given if points is None]
        row = _row(key, max(most for most, _ in given), earned, every, sum(not points for points in earned))
        rows.append(row | {"waiting": len(open_points), "open_points": shown(sum(open_points))})
    return rows


def _poll(answers: Sequence[dict[str, dict[str, str] | None]]) -> list[dict[str, str]]:
    """The poll answers of the class and the paper, as "k of n", n being those who answered that question at that time."""
    return [
        {
            "text": row.text,
            **{
                name: "{} of {}".format(*getattr(row, name)) if getattr(row, name)[1] else "-"
                for name in ("before", "after", "paper_before", "paper_after")
            },
        }
        for row in (poll.table(answers) if answers else [])
    ]


def _row(key: str, most: float, earned: list[float], every: int, none: int) -> dict[str, Any]:
    count = len(earned)
    return {
        "key": plain(key, 80),
        "max": shown(most) if most else "bonus",
        "mean": _rounded(statistics.mean(earned)) if most and earned else "-",
        "count": count,
        "all": _share(every, count),
        "none": _share(none, count),
        "bar": [round(100 * part / count, 1) if count else 0 for part in (every, count - every - none, none)],
    }


def _properties(records: Sequence[Record], marks: Marks) -> list[dict[str, Any]]:
    """For each graded property: the share of submissions that pass it, out of those in which it could be checked."""
    cells: dict[tuple[str, str], CellGrade] = {}
    held: dict[tuple[str, str], list[bool]] = {}
    for record in records:
        for cell in record.cells:
            cells[cell.notebook, cell.id] = cell
            verdict = _held(record, cell, marks)
            held.setdefault((cell.notebook, cell.id), []).extend([] if verdict is None else [verdict])
    order = {exercise: number for number, exercise in enumerate(dict.fromkeys(c.exercise for c in cells.values()))}
    return [
        {
            "exercise": plain(cell.exercise, 80),
            "statement": plain(cell.statement),
            "max": shown(cell.max) if cell.max else "bonus",
            "passed": _share(sum(held[key]), len(held[key])),
            "count": len(held[key]),
            "bar": round(100 * sum(held[key]) / len(held[key]), 1) if held[key] else 0,
        }
        for key, cell in sorted(cells.items(), key=lambda item: order[item[1].exercise])
    ]


def _held(record: Record, cell: CellGrade, marks: Marks) -> bool | None:
    """Whether a submission passes a property: by its manual score if any, else by its check; None if unknown."""
    mark = marks.get((record.student, cell.notebook, cell.id))
    if mark is not None and mark.by_hand is not None and cell.max:
        return mark.by_hand + mark.extra >= cell.max
    return cell.passed


def _messages(records: Sequence[Record], marks: Marks) -> dict[str, Any]:
    """The most frequent messages to students; each student counts once per message, whatever the number of properties."""
    told: dict[tuple[str, Finding], tuple[CellGrade, dict[str, None]]] = {}
    for record in records:
        for cell in record.cells:
            if cell.finding is None or cell.finding.cause is Cause.PASSED:
                continue  # not lost by a check, whatever the manual score
            if _held(record, cell, marks) is False:
                told.setdefault((cell.exercise, cell.finding), (cell, {}))[1][record.student] = None
    often = sorted(told.values(), key=lambda item: -len(item[1]))
    rows = [
        {
            "exercise": plain(cell.exercise, 80),
            "message": plain(cell.message),
            "count": len(students),
            "who": _names(students),
        }
        for cell, students in often[:MESSAGES]
    ]
    return {"rows": rows, "more": len(often) - len(rows)}


def _cases(records: Sequence[Record]) -> dict[str, Any]:
    """The submissions that need manual review: first those without a complete verdict, then those with flags."""
    urgent = {FAILED: 0, NEEDS_ATTENTION: 1}
    cases = sorted(
        (record for record in records if record.status in urgent or record.flags),
        key=lambda record: (urgent.get(record.status, 2), record.student),
    )
    rows = [
        {
            "student": plain(record.student, 120),
            "status": record.status,
            "why": [plain(text) for text in (record.reason, *record.flags[:NAMES]) if text],
            "more": max(0, len(record.flags) - NAMES),
        }
        for record in cases[:CASES]
    ]
    return {"rows": rows, "more": len(cases) - len(rows)}


def _inside(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The properties checked inside a student's process, where a malicious student can forge the verdict."""
    found: dict[tuple[str, str], tuple[CellGrade, list[str]]] = {}
    for record in records:
        for cell in record.cells:
            if cell.passed is not None and not cell.outside:
                found.setdefault((cell.notebook, cell.id), (cell, []))[1].append(record.student)
    return [
        {"exercise": plain(cell.exercise, 80), "statement": plain(cell.statement), "count": len(students)}
        | {"who": _names(students)}
        for cell, students in found.values()
    ]


def _slowest(records: Sequence[Record]) -> list[dict[str, str]]:
    timed = [record for record in records if "seconds" in record.resources]
    timed.sort(key=lambda record: -record.resources["seconds"])
    names = ("seconds", "cpu_seconds", "peak_mb", "kernels")
    return [
        {"student": plain(record.student, 120)}
        | {name: f"{record.resources[name]:,.0f}" if name in record.resources else "-" for name in names}
        for record in timed[:SLOWEST]
    ]


def _everybody(records: Sequence[Record], marks: Marks, waiting: list[str]) -> dict[str, Any]:
    rows = [
        {
            "student": plain(record.student, 120),
            "status": record.status,
            "mark": str(standing(record, marks)) if record.status == GRADED else "-",
        }
        for record in records
    ]
    rows += [{"student": plain(student, 120), "status": NOT_GRADED, "mark": "-"} for student in waiting]
    rows.sort(key=lambda row: row["student"])
    return {"rows": rows[:ROWS], "more": len(rows[ROWS:])}


def _judged(records: Sequence[Record]) -> Iterator[Record]:
    return (record for record in records if record.status in (GRADED, NEEDS_ATTENTION))


def _names(students: Iterable[str]) -> dict[str, Any]:
    everyone = [plain(student, 120) for student in students]
    return {"count": len(everyone), "shown": everyone[:NAMES], "more": len(everyone[NAMES:])}


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} % ({part})" if whole else "-"


def _rounded(number: float) -> str:
    return f"{round(number, 1):g}"
