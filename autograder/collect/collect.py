"""`autograder collect`: collects handed-in files into submitted/STUDENT/LAB/ without losing any.

Files may come from anywhere, so nothing in them is trusted: only the lab's notebooks, by name and up to a size limit,
are written. A file that cannot be collected is reported with the reason and left in place; the others are processed.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.collect.sources import read_all
from autograder.collect.take import Taken, take
from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError
from autograder.notebook.read import SubmissionError
from autograder.plain_text import count, one_line

if TYPE_CHECKING:
    from rich.console import Console


@dataclass
class Collection:
    """The result of one collection: submissions collected, and files left in place as (file, reason)."""

    taken: list[Taken] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)


def run(course: LabCourse, folder: Path, lab: str | None = None, console: Console | None = None) -> Collection:
    """Collects every submission in `folder`, which may also be a single file.

    Parameters
    ----------
    folder : Path
        Contains files 01--STUDENT.zip, notebooks named after their student, or a folder for each student.
    lab : str, optional
        The lab to assume for files that do not name one; files that name another are refused.

    Raises
    ------
    AutograderError
        If the folder is missing or is the course's own submitted/, or if `lab` is unknown.
    """
    folder = Path(folder)
    if not folder.exists():
        raise AutograderError(f"{folder} does not exist. Name the folder that the submissions were downloaded to.")
    if folder.resolve() == course.submitted or course.submitted in folder.resolve().parents:
        raise AutograderError(
            f"{folder} contains submissions that are already collected; name the folder with the new ones."
        )
    wanted = course.find(lab).name if lab else None
    course.make_state()
    with tempfile.TemporaryDirectory(prefix="spool-", dir=course.state) as spool:
        handed, left = read_all(folder, wanted, Path(spool))
        result = Collection(left=left)
        for one in sorted(handed, key=lambda h: (h.created, h.source)):
            try:
                result.taken.append(take(course, one, wanted))
            except SubmissionError as e:
                result.left.append((one.source, str(e)))
            except (OSError, AutograderError):  # of this machine or the course, and so of all submissions
                raise
            except Exception as e:
                result.left.append((one.source, f"cannot be collected ({type(e).__name__})."))
    if console:
        _tell(console, course, result)
    return result


def _tell(console: Console, course: LabCourse, result: Collection) -> None:
    from rich.table import Table
    from rich.text import Text

    news = [t for t in result.taken if t.news]
    if result.taken:
        table = Table("student", "lab", "hand-in", "from", "note", box=None, pad_edge=False)
        for t in result.taken:
            texts = (t.student, t.lab, str(t.hand_in), t.source, "; ".join(t.notes))
            table.add_row(*(Text(one_line(text)) for text in texts))
        console.print(table)
    where = course.submitted.relative_to(course.root)
    console.print(
        f"{count(len(news), 'new submission')} in {where}/, {len(result.taken) - len(news)} already collected, "
        f"{count(len(result.left), 'file')} left in place."
    )
    for source, reason in result.left:
        console.print(
            f"  left in place: {one_line(source)}: {one_line(reason)}", markup=False, highlight=False, soft_wrap=True
        )
    if news:
        console.print(f"Next: autograder grade {news[0].lab.split('_')[0]}")
