"""nbgrader's gradebook: a single writer fills it from grade records, and manual grades are read from it.

Formgrader, `nbgrader generate_feedback` and `nbgrader export` therefore keep working, whichever engine graded.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from autograder.course.course import Course, tools_on_path
from autograder.errors import AutograderError
from autograder.record.records import GRADED, NEEDS_ATTENTION, CellGrade, ManualGrade, Record, shown, total
from autograder.remarks import About, Remark


@dataclass(frozen=True)
class Mark:
    """The gradebook's entry for one cell of one student.

    `by_hand` is the manual score (None: not given yet); `pending` is True while the cell needs manual grading.
    """

    by_hand: float | None
    extra: float
    pending: bool
    max: float


# Keyed by student, notebook and cell: two notebooks of one assignment may use the same cell id.
Marks = dict[tuple[str, str, str], Mark]
Comments = dict[tuple[str, str, str], str]


@dataclass(frozen=True)
class Standing:
    """A submission's score: `points` so far out of `max`, `by_hand` of which still await manual grading.

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
    """A course's nbgrader Gradebook, closed on exit.

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
        with contextlib.suppress(PermissionError):  # another user's
            if course.closed:
                course.gradebook.chmod(0o600)
        with Gradebook(f"sqlite:///{course.gradebook}", config.course_id) as book:
            yield book
    except DatabaseError as e:
        raise AutograderError(
            f"The gradebook {course.gradebook} cannot be read or written ({str(e.orig)[:120]}). "
            "Is it locked by another program, or damaged? Nothing was lost: the grade records are in "
            f"{course.state / 'records'}. Restore the gradebook, then run the same command again."
        ) from e


class Writer:
    """Writes records to the gradebook, one at a time; there is one writer per run.

    Parameters
    ----------
    course : Course
    lab : str
        The assignment: already in the gradebook or, in an nbgrader course, added to it when it is opened.
    """

    def __init__(self, course: Course, lab: str):
        self.course, self.lab = course, lab
        self.book: Any = None
        self._open = ExitStack()

    def open(self) -> None:
        """Opens the gradebook, if it is not open yet.

        Raises
        ------
        AutograderError
            If there is no gradebook, or it cannot be read.
        """
        from nbgrader.api import MissingEntry

        if self.book is not None:
            return
        self.course.tell_gradebook(self.lab)
        self.book = self._open.enter_context(opened(self.course))
        try:
            self.book.find_assignment(self.lab)
        except MissingEntry:
            raise AutograderError(
                f"{self.lab} is not in the gradebook. Release it first: autograder release {self.lab.split('_')[0]}"
            ) from None

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *error: Any) -> bool | None:
        return self._open.__exit__(*error)

    def write(
        self, record: Record, timestamp: Any = None, judged: Collection[tuple[str, str]] | None = None
    ) -> list[Remark]:
        """Writes a record's points; manual grades are kept.

        An ungraded cell gets no score, never 0, and is flagged for manual grading. A manually graded cell that was
        checked again is flagged again, as in nbgrader.

        Parameters
        ----------
        record : Record
        timestamp : datetime, optional
            When the submission was handed in.
        judged : collection of (notebook, cell), optional
            The cells checked in this run, if not all of them.

        Returns
        -------
        list of Remark
            The cells that could not be written: those of an older release, which are not in the gradebook.
        """
        from nbgrader.api import MissingEntry

        self.open()
        book = self.book
        if record.status not in (GRADED, NEEDS_ATTENTION) and not self._known(record):
            return []  # the submission never reached the gradebook
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SQLAlchemy warns about the order in which nbgrader adds its rows
            book.update_or_create_student(record.student)
            more = {"timestamp": timestamp} if timestamp is not None else {}
            submission = book.update_or_create_submission(record.lab, record.student, **more)
            grades = {(nb.name, grade.name): grade for nb in submission.notebooks for grade in nb.grades}
            unknown = []
            items: list[CellGrade | ManualGrade] = [*record.cells, *record.manual]
            for item in items:
                grade = grades.get((item.notebook, item.id))
                if grade is None:
                    unknown.append(Remark(About.NOT_IN_GRADEBOOK, item.id, text=record.release))
                    continue
                grade.auto_score = item.points
                if grade.manual_score is None:
                    grade.needs_manual_grade = item.points is None
                elif judged is None or (item.notebook, item.id) in judged:
                    grade.needs_manual_grade = True
            for task in record.manual:
                try:
                    comment = book.find_comment(task.id, task.notebook, record.lab, record.student)
                    comment.auto_comment = "No response." if task.points == 0 else None
                except MissingEntry:
                    continue  # reported above
            book.db.commit()
            book.db.expunge_all()  # otherwise a class of a thousand stays in memory
        return unknown

    def _known(self, record: Record) -> bool:
        from nbgrader.api import MissingEntry

        try:
            self.book.find_submission(record.lab, record.student)
        except MissingEntry:
            return False
        return True


def marks(course: Course, lab: str) -> Marks:
    """The gradebook's entries for every submission to a lab."""
    from nbgrader.api import MissingEntry

    found: Marks = {}
    with opened(course) as book:
        try:
            submissions = book.assignment_submissions(lab)
        except MissingEntry:
            return found
        for submission in submissions:
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    found[submission.student.id, notebook.name, grade.name] = Mark(
                        grade.manual_score, grade.extra_credit or 0.0, bool(grade.needs_manual_grade), grade.max_score
                    )
    return found


def comments(course: Course, lab: str) -> Comments:
    """Graders' comments on the answers to a lab, by student, notebook and cell."""
    from nbgrader.api import MissingEntry

    with opened(course) as book:
        try:
            submissions = book.assignment_submissions(lab)
        except MissingEntry:
            return {}
        return {
            (submission.student.id, notebook.name, comment.name): comment.manual_comment
            for submission in submissions
            for notebook in submission.notebooks
            for comment in notebook.comments
            if comment.manual_comment
        }


def points_of(record: Record, item: CellGrade | ManualGrade, marks: Marks) -> float | None:
    """The points of a cell: a manual score takes precedence over the graded one; None if there is neither."""
    mark = marks.get((record.student, item.notebook, item.id))
    if mark is None:
        return item.points
    given = mark.by_hand if mark.by_hand is not None else item.points
    return None if given is None else given + mark.extra


def standing(record: Record, marks: Marks) -> Standing:
    """The totals of a submission, including manual grades; `marks` is empty if there is no gradebook."""
    graded = total([points_of(record, cell, marks) for cell in record.cells])
    by_hand = [(task.max, points_of(record, task, marks)) for task in record.manual]
    known = record.cells or record.status == GRADED
    return Standing(
        points=None if graded is None or not known else graded + sum(points or 0.0 for _, points in by_hand),
        max=record.max + sum(most for most, _ in by_hand),
        by_hand=sum(most for most, points in by_hand if points is None),
    )
