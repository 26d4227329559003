"""nbgrader's gradebook: filled from grade records by one writer, read for what people marked by hand.

So formgrader, `nbgrader generate_feedback` and `nbgrader export` go on working, whatever engine graded.
"""

from __future__ import annotations

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
    """What the gradebook knows of one cell of one student.

    `by_hand` is what a person gave (None: nothing yet); `pending` says that a person has still to look.
    """

    by_hand: float | None
    extra: float
    pending: bool
    max: float


# By student, notebook and cell: two notebooks of one assignment may use the same cell id.
Marks = dict[tuple[str, str, str], Mark]
Comments = dict[tuple[str, str, str], str]


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


class Writer:
    """Writes records into the gradebook, one after the other; there is one in a run.

    Parameters
    ----------
    course : Course
    lab : str
        The assignment, which the gradebook knows already or, in a course of nbgrader's, is told of when it is opened.
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
                f"The gradebook does not know {self.lab}. Release it first: autograder release {self.lab.split('_')[0]}"
            ) from None

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *error: Any) -> bool | None:
        return self._open.__exit__(*error)

    def write(
        self, record: Record, timestamp: Any = None, judged: Collection[tuple[str, str]] | None = None
    ) -> list[Remark]:
        """Writes a record's points, and leaves what people marked by hand.

        A cell that was not graded gets no score and is marked as one that needs a person; it is never 0. One that a person
        has marked and that was judged again needs a person again, as in nbgrader.

        Parameters
        ----------
        record : Record
        timestamp : datetime, optional
            When it was handed in.
        judged : collection of (notebook, cell), optional
            What was judged now, where that is not everything.

        Returns
        -------
        list of Remark
            What could not be written: cells of an older release that the gradebook does not know.
        """
        from nbgrader.api import MissingEntry

        self.open()
        book = self.book
        if record.status not in (GRADED, NEEDS_ATTENTION) and not self._known(record):
            return []  # nothing to say about a submission that never reached the gradebook
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SQLAlchemy on the order in which nbgrader adds its own rows
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
                    continue  # said above
            book.db.commit()
            book.db.expunge_all()  # or a class of a thousand would stay in memory
        return unknown

    def _known(self, record: Record) -> bool:
        from nbgrader.api import MissingEntry

        try:
            self.book.find_submission(record.lab, record.student)
        except MissingEntry:
            return False
        return True


def marks(course: Course, lab: str) -> Marks:
    """What the gradebook holds of every submission to a lab."""
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
    """What people wrote beside the answers to a lab, by student, notebook and cell."""
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
    """The points of a cell: what a person gave goes before what was graded; None where neither is there."""
    mark = marks.get((record.student, item.notebook, item.id))
    if mark is None:
        return item.points
    given = mark.by_hand if mark.by_hand is not None else item.points
    return None if given is None else given + mark.extra


def standing(record: Record, marks: Marks) -> Standing:
    """The sums over a submission, with the marks that people gave by hand; without a gradebook, `marks` is empty."""
    graded = total([points_of(record, cell, marks) for cell in record.cells])
    by_hand = [(task.max, points_of(record, task, marks)) for task in record.manual]
    known = record.cells or record.status == GRADED
    return Standing(
        points=None if graded is None or not known else graded + sum(points or 0.0 for _, points in by_hand),
        max=record.max + sum(most for most, _ in by_hand),
        by_hand=sum(most for most, points in by_hand if points is None),
    )
