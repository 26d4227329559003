"""Moves one submission into submitted/STUDENT/LAB/ and keeps the earlier one elsewhere: nothing is lost."""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from autograder.collect.sources import Handed, Notebook
from autograder.course.course import Course
from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError
from autograder.notebook.read import SubmissionError
from data_fetch.store.atomic import replace_folder


@dataclass(frozen=True)
class Taken:
    """A submission now in submitted/. `hand_in` is its number, from 1; `news` is False if it was already collected."""

    student: str
    lab: str
    hand_in: int
    source: str
    news: bool
    notes: tuple[str, ...] = ()


def hand_ins(course: Course, student: str, lab: str) -> list[Path]:
    """The folders of a student's hand-ins for a lab, oldest first; the last is the one in submitted/."""
    kept = sorted(p for p in (course.state / "hand_ins" / student / lab).glob("*") if p.is_dir())
    now = course.submitted / student / lab
    return [*kept, *([now] if now.is_dir() else [])]


def take(course: LabCourse, one: Handed, wanted: str | None) -> Taken:
    """Puts a submission into submitted/STUDENT/LAB/, unless it is already there.

    Parameters
    ----------
    course : LabCourse
    one : Handed
    wanted : str or None
        The requested lab.

    Raises
    ------
    SubmissionError
        If its lab is unknown or not the requested one, or it contains none of the lab's notebooks.
    """
    if one.lab is None:
        raise SubmissionError("its lab is unknown: collect again with --lab NUMBER.")
    try:
        folder = course.find(one.lab)
    except AutograderError as e:
        raise SubmissionError(str(e)) from None
    lab = folder.name
    if wanted and lab != wanted:
        raise SubmissionError(f"it belongs to lab {lab}, but lab {wanted} was requested.")
    expected = sorted(p.with_suffix(".ipynb").name for p in folder.glob("*.py"))
    notebooks = {name: nb for name, nb in one.notebooks.items() if name in expected}
    if not notebooks and list(one.notebooks) == [""] and len(expected) == 1:
        notebooks = {expected[0]: one.notebooks[""]}  # the course metadata is lost, but this lab has only one notebook
    if not notebooks:
        raise SubmissionError(
            f"none of its notebooks ({', '.join(filter(None, sorted(one.notebooks))) or 'no name'}) belongs to {lab}: expected {', '.join(expected)}."
        )
    notes = [f"{name} is missing" for name in expected if name not in notebooks]
    notes += [
        f"{name} is not a notebook of {lab} and was not collected"
        for name in sorted(one.notebooks)
        if name and name not in expected
    ]
    claims = sorted({nb.claims["release"] for nb in notebooks.values() if "release" in nb.claims})
    known = [claim for claim in claims if course.is_released(lab, claim)]
    release = known[-1] if known else course.current_version(lab)
    if claims != [release]:
        notes.append(f"it claims release {', '.join(claims) or 'none'}; collected as {release}")

    digest = {name: nb.digest for name, nb in sorted(notebooks.items())}
    earlier = hand_ins(course, one.student, lab)
    latest = _packed(earlier[-1]) if earlier else None
    for n, kept in enumerate(earlier, 1):
        # The same work handed in again after a different hand-in: this is the one that the student wants to count.
        again = kept != earlier[-1] and latest is not None and one.created > latest
        if _digest(kept) == digest and not again:
            return Taken(one.student, lab, n, one.source, False, ("already collected",))
    if latest is not None and one.created < latest:
        notes.append(f"packed before hand-in {len(earlier)}, which was collected first")
    about = {
        "lab": lab, "student": one.student, "release": release, "claimed": claims, "hand_in": len(earlier) + 1,
        "created": one.created.isoformat(timespec="seconds"),
        "collected": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "source": one.source, "notebooks": digest, "notes": notes,
    }  # fmt: skip
    _store(course, one.student, lab, notebooks, about, f"{one.created:%Y-%m-%d %H:%M:%S} UTC", len(earlier))
    return Taken(one.student, lab, len(earlier) + 1, one.source, True, tuple(notes))


def _store(
    course: LabCourse, student: str, lab: str, notebooks: dict[str, Notebook], about: dict, when: str, earlier: int
) -> None:
    """Writes the new hand-in to a temporary folder, moves the earlier one away, then moves the new one in."""
    course.make_state()
    place = course.submitted / student / lab
    new = Path(tempfile.mkdtemp(prefix="collect-", dir=course.state))
    try:
        for name, nb in notebooks.items():
            shutil.copyfile(nb.path, new / name)
        (new / "timestamp.txt").write_text(when, encoding="utf-8")  # read by nbgrader
        (new / "submission.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        new.chmod(0o755)
        replace_folder(new, place, aside=course.state / "hand_ins" / student / lab / f"{earlier:03d}")
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _packed(folder: Path) -> datetime.datetime | None:
    try:
        about = json.loads((folder / "submission.json").read_text(encoding="utf-8"))
        when = datetime.datetime.fromisoformat(about["created"])
        return when if when.tzinfo else when.replace(tzinfo=datetime.UTC)
    except (OSError, ValueError, LookupError, TypeError):
        return None  # put there by hand or by nbgrader


def _digest(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.ipynb"))}
