"""nbgrader's gradebook: filled from grade records by one writer, read for what people marked by hand.

So formgrader, `nbgrader generate_feedback` and `nbgrader export` go on working, whatever engine graded.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.records import GRADED, NEEDS_ATTENTION, CellGrade, ManualGrade, Record, shown, total


@dataclass(frozen=True)
class Mark:
    """What the gradebook knows of one cell of one student.

    `by_hand` is what a person gave (None: nothing yet); `pending` says that a person has still to look.
    """

    by_hand: float | None
    extra: float
    pending: bool
    max: float


@dataclass(frozen=True)
class Standing:
    """How a submission stands: the points `points` so far of `max`, and `by_hand` of these that a person has still to mark.

    `points` is None while a graded cell has none: ungraded is never 0.
    """

    points: float | None
    max: float
    by_hand: float

    def __str__(self) -> str:
        text = f"{shown(self.points)} of {self.max:g}"
        return f"{text}, {self.by_hand:g} to mark by hand" if self.by_hand and self.points is not None else text


@contextmanager
def opened(course: Course) -> Iterator[Any]:
    """nbgrader's Gradebook of a course, closed at the end.

    Raises
    ------
    AutograderError
        If there is none, or it cannot be read.
    """
    from nbgrader.api import Gradebook
    from sqlalchemy.exc import DatabaseError

    tools_on_path()

    if not course.gradebook.is_file():
        raise AutograderError(
            f"There is no gradebook at {course.gradebook}. Release a lab first: autograder release 01"
        )
    config = course.nbgrader_config().CourseDirectory
    try:
        with Gradebook(f"sqlite:///{course.gradebook}", config.course_id) as book:
            yield book
    except DatabaseError as e:
        raise AutograderError(
            f"The gradebook {course.gradebook} cannot be read or written ({str(e.orig)[:120]}). "
            "Is another program holding it, or is the file damaged? Nothing was lost: grade records are in "
            f"{course.state / 'records'}; with the gradebook restored, run the same command again."
        ) from e


def write(course: Course, record: Record, timestamp: Any = None) -> None:
    """Writes a record's points into the gradebook, and leaves what people marked by hand.

    A cell that was not graded gets no score and is marked as one that needs a person; it is never 0.
    """
    from nbgrader.api import MissingEntry

    if record.status not in (GRADED, NEEDS_ATTENTION) and not _known(course, record):
        return  # nothing to say about a submission that never reached the gradebook
    with opened(course) as book, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SQLAlchemy on the order in which nbgrader adds its own rows
        book.update_or_create_student(record.student)
        more = {"timestamp": timestamp} if timestamp is not None else {}
        book.update_or_create_submission(record.lab, record.student, **more)
        items: list[CellGrade | ManualGrade] = [*record.cells, *record.manual]
        for item in items:
            try:
                grade = book.find_grade(item.id, item.notebook, record.lab, record.student)
            except MissingEntry:
                raise AutograderError(
                    f"The gradebook does not know the cell {item.id} of {record.lab}/{item.notebook}. "
                    f"Was the lab released again meanwhile? Type: autograder release {record.lab[:2]}"
                ) from None
            grade.auto_score = item.points
            grade.needs_manual_grade = item.points is None or grade.manual_score is not None
        for task in record.manual:
            comment = book.find_comment(task.id, task.notebook, record.lab, record.student)
            comment.auto_comment = "No response." if task.points == 0 else None
        book.db.commit()


def marks(course: Course, lab: str) -> dict[tuple[str, str], Mark]:
    """(student, cell id) -> Mark, for every submission to a lab that the gradebook holds."""
    from nbgrader.api import MissingEntry

    found: dict[tuple[str, str], Mark] = {}
    with opened(course) as book:
        try:
            submissions = book.assignment_submissions(lab)
        except MissingEntry:
            return found
        for submission in submissions:
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    found[submission.student.id, grade.name] = Mark(
                        grade.manual_score, grade.extra_credit or 0.0, bool(grade.needs_manual_grade), grade.max_score
                    )
    return found


def points_of(record: Record, cell_id: str, points: float | None, marks: dict[tuple[str, str], Mark]) -> float | None:
    """The points of a cell: what a person gave goes before what was graded; None where neither is there."""
    mark = marks.get((record.student, cell_id))
    if mark is None:
        return points
    given = mark.by_hand if mark.by_hand is not None else points
    return None if given is None else given + mark.extra


def standing(record: Record, marks: dict[tuple[str, str], Mark]) -> Standing:
    """The sums over a submission, with the marks that people gave by hand; without a gradebook, `marks` is empty."""
    graded = total([points_of(record, cell.id, cell.points, marks) for cell in record.cells])
    by_hand = [(task.max, points_of(record, task.id, task.points, marks)) for task in record.manual]
    known = record.cells or record.status == GRADED
    return Standing(
        points=None if graded is None or not known else graded + sum(points or 0.0 for _, points in by_hand),
        max=record.max + sum(most for most, _ in by_hand),
        by_hand=sum(most for most, points in by_hand if points is None),
    )


def tools_on_path() -> None:
    """nbgrader starts `alembic` by name to make a gradebook: it must be found also when the environment is not active."""
    tools = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", "").split(os.pathsep)
    if tools not in path:
        os.environ["PATH"] = os.pathsep.join([tools, *path])


def _known(course: Course, record: Record) -> bool:
    from nbgrader.api import MissingEntry

    with opened(course) as book:
        try:
            book.find_submission(record.lab, record.student)
        except MissingEntry:
            return False
    return True
