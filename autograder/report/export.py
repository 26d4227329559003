"""`autograder export`: marks as a CSV table for a learning management system or a spreadsheet.

Every row has a status. Ungraded points are empty, never 0, and so is every total that includes them.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any
from unicodedata import category

from rich.console import Console

from autograder.course.choices import ChoiceError
from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.plain_text import count
from autograder.record import gradebook, sentences
from autograder.record.gradebook import Marks, points_of, standing
from autograder.record.records import FAILED, GRADED, Record, RecordStore, total
from data_fetch.store.atomic import write_atomically

COLUMNS = (
    "lab", "student", "exercise", "status", "points", "max", "to_mark_by_hand", "reason", "release", "submission",
    "handed_in", "graded_at", "flags",
)  # fmt: skip
SUM = "TOTAL"  # a student's row for the whole lab
COURSE = "COURSE"  # instead of a lab: a student's row for the whole course, in percent
FORMULA = "=+-@＝＋－＠−"  # also full-width forms and the minus sign, which some spreadsheets treat alike
SEPARATORS = ";,|:\t\r\n\x1f\u2028\u2029"
UNSEEN = ("Cc", "Cf")  # Unicode categories: control characters, zero-width and bidirectional ones


def run(
    course: Course, lab: str | None = None, out: Path | str = Path("grades.csv"), console: Console | None = None
) -> Path:
    """Writes a table with a row for each student and exercise, and a TOTAL row for each student and lab.

    If course.toml has weights, and no lab is named, there is a COURSE row for each student: the weighted total in percent.

    Parameters
    ----------
    course : Course
    lab : str, optional
        One lab; default: all with submissions.
    out : Path
        The file, written atomically.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    AutograderError
        If there is nothing to export, or the file cannot be written.
    """
    console = console or Console()
    out = Path(out)
    if not out.name or out.is_dir():
        raise AutograderError(
            f"{str(out) or 'the empty name'} is a folder. Name a file: autograder export --out grades.csv"
        )
    rows = table(course, lab)
    text = to_csv(rows)
    try:
        write_atomically(
            out, text.encode("utf-8-sig"), mode=0o600
        )  # with a byte order mark, so that spreadsheets read it as UTF-8
    except OSError as e:
        raise AutograderError(
            f"Cannot write {out}: {e.strerror}. Name another file: autograder export --out FILE"
        ) from e
    sums = [row for row in rows if row["exercise"] == SUM and row["lab"] != COURSE]
    waiting = sum(row["points"] is None for row in sums)
    console.print(
        f"{out}: {count(len(rows), 'row')}, {sentences.submissions(len(sums), waiting)}",
        highlight=False,
    )
    return out


def table(course: Course, lab: str | None = None) -> list[dict[str, Any]]:
    """The rows of the export, unquoted: None for unknown values.

    `points` are the graded ones for an exercise, the manual ones for a written answer, and their sum so far for TOTAL,
    with `to_mark_by_hand` still open. Manual scores entered in formgrader take precedence over ours.

    Raises
    ------
    AutograderError
        If there are no submissions.
    """
    submitted = {(path.name, path.parent.name) for path in course.submitted.glob("*/*") if path.is_dir()}
    store = RecordStore(course.state)
    recorded = {(p.parent.name, p.stem) for p in store.folder.glob("*/*.json")}
    everyone = {student for _, student in submitted | recorded}
    weights = {} if lab else course.weights()
    handed_in = {name for name, _ in submitted | recorded if not course.left_out(name)}
    labs = [course.find(lab).name] if lab else sorted(handed_in | {name for name, weight in weights.items() if weight})
    if not everyone:
        raise AutograderError(f"Nothing to export: there are no submissions. Run: {course.collecting}")
    rows: list[dict[str, Any]] = []
    for name in labs:
        marks = gradebook.marks(course, name) if course.gradebook.is_file() else {}
        for student in sorted(everyone):
            record = store.load(name, student)
            if record is None:
                status = "not graded" if (name, student) in submitted else "not submitted"
                rows.append(_row(name, student, SUM, status))
            else:
                rows += _rows(record, marks)
    if weights:
        counted: dict[str, dict[str, dict[str, Any]]] = {student: {} for student in sorted(everyone)}
        for row in rows:
            if row["exercise"] == SUM and weights.get(row["lab"]):
                counted[row["student"]][row["lab"]] = row
        rows += [_course_row(student, totals, weights) for student, totals in counted.items()]
    return rows


def _course_row(student: str, counted: dict[str, dict[str, Any]], weights: dict[str, float]) -> dict[str, Any]:
    """The weighted total of a student, in percent: empty if the points of any lab that counts are unknown.

    `counted` are the TOTAL rows of these labs, by lab.
    """
    waiting = next((row for row in counted.values() if row["status"] != GRADED), None)
    by_hand = any(row["to_mark_by_hand"] for row in counted.values())
    status = waiting["status"] if waiting else "to mark by hand" if by_hand else GRADED
    points = None
    if status == GRADED and all(row["points"] is not None for row in counted.values()):
        empty = [lab for lab, row in counted.items() if not row["max"]]
        if empty:
            raise ChoiceError("[weights]", f"{', '.join(empty)} has no points, so its weight must be 0.")
        points = round(sum(weights[lab] * row["points"] / row["max"] for lab, row in counted.items()), 4)
    return _row(COURSE, student, SUM, status, points=points, max=100.0)


def _rows(record: Record, marks: Marks) -> list[dict[str, Any]]:
    common = {
        "reason": record.reason,
        "release": record.release,
        "submission": record.submission or None,
        "handed_in": record.handed_in,
        "graded_at": record.finished,
        "flags": "; ".join(record.flags),
    }
    rows: list[dict[str, Any]] = []
    for key, cells in record.exercises().items():
        points = total([points_of(record, cell, marks) for cell in cells])
        most = sum(cell.max for cell in cells)
        status = record.status if record.status in (GRADED, FAILED) or points is None else GRADED
        rows.append(
            _row(record.lab, record.student, key, status, points=points, max=most, to_mark_by_hand=0.0, **common)
        )
    for task in record.manual:
        points = points_of(record, task, marks)
        status = record.status if points is not None or record.status != GRADED else "to mark by hand"
        left = None if record.status == FAILED else task.max if points is None else 0.0
        rows.append(
            _row(
                record.lab,
                record.student,
                task.exercise,
                status,
                points=points,
                max=task.max,
                to_mark_by_hand=left,
                **common,
            )
        )
    stands = standing(record, marks)
    rows.append(
        _row(
            record.lab,
            record.student,
            SUM,
            record.status,
            points=stands.points if record.status == GRADED else None,
            max=stands.max,
            to_mark_by_hand=None if record.status == FAILED else stands.by_hand,
            **common,
        )
    )
    return rows


def _row(lab: str, student: str, exercise: str, status: str, **more: Any) -> dict[str, Any]:
    return dict.fromkeys(COLUMNS) | {"lab": lab, "student": student, "exercise": exercise, "status": status} | more


def to_csv(rows: list[dict[str, Any]]) -> str:
    """The rows as CSV: texts quoted, numbers unquoted, unknown values empty."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_value(row[column]) for column in COLUMNS])
    return text.getvalue()


def _value(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return int(value) if float(value).is_integer() else value
    return neutral(str(value))


def neutral(text: str) -> str:
    """Escapes what a spreadsheet would take for a formula, with an apostrophe in front.

    Spreadsheets skip blanks and invisible characters, and where another separator than the comma is usual they split a
    text there; a student's name or message must never run on the grader's machine.
    """
    parts: list[str] = []
    begins, blank = True, True  # whether a cell could begin here in some spreadsheet; whether only blanks came before
    for char in text:
        unseen = char.isspace() or category(char) in UNSEEN
        if begins and char in FORMULA:
            parts.insert(0 if blank else len(parts), "'")
        parts.append(char)
        begins = char in SEPARATORS or (begins and (unseen or char == '"'))
        blank &= unseen
    escaped = "".join(parts)
    return f"'{escaped}" if category(text[:1] or "x") == "Cc" and not escaped.startswith("'") else escaped
