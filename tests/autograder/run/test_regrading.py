"""Grading again: what people gave by hand stays, only what was asked for changes, and each submission meets the release it was made for."""

from __future__ import annotations

import json
import re

import pytest
from graded_class import LAB, answers, new_course, submit
from nbgrader.api import Gradebook
from rich.console import Console
from tiny_course import edit

from autograder.author.lab_source import load_lab
from autograder.record.records import GRADED, RecordStore
from autograder.release import release
from autograder.run import grade

pytestmark = pytest.mark.kernel

QUIET = Console(quiet=True)
ONES = "import numpy as np\ndef normalise(film):\n    return np.ones_like(film)"


@pytest.fixture
def course(tmp_path):
    return new_course(tmp_path / "course")


def opened(course):
    return Gradebook(f"sqlite:///{course.gradebook}", "medxai")


def test_marks_and_comments_by_hand_survive_every_way_of_grading_again(course):
    lab, store = load_lab(course.find("01")), RecordStore(course.state)
    for student in ("ada", "bo"):
        submit(course, student, answers(lab, normalise=ONES, what_enlarges="The AP view."))
    grade.run(course, "01", console=QUIET)
    with opened(course) as book:
        for cell, points in (("normalise-1", 1.5), ("what_enlarges", 2.0)):
            marked = book.find_grade(cell, LAB, LAB, "ada")
            marked.manual_score, marked.needs_manual_grade = points, False
        book.find_comment("what_enlarges", LAB, LAB, "ada").manual_comment = "Well said."
        book.db.commit()

    def by_hand():
        with opened(course) as book:
            grades = {g.name: g for nb in book.find_submission(LAB, "ada").notebooks for g in nb.grades}
            assert book.find_comment("what_enlarges", LAB, LAB, "ada").manual_comment == "Well said."
            assert (grades["normalise-1"].auto_score, grades["normalise-1"].manual_score) == (0, 1.5)
            assert (grades["what_enlarges"].auto_score, grades["what_enlarges"].manual_score) == (None, 2)
            assert book.find_submission(LAB, "ada").score == 1.5 + 3 + 2
            return {name for name, g in grades.items() if g.needs_manual_grade}

    # One exercise: what the record says of the other one stays, whatever it is.
    for student in ("ada", "bo"):
        record = store.load(LAB, student)
        cells = {cell.id: cell for cell in record.cells}
        cells["heart_share-1"].points, cells["heart_share-1"].passed = 0, False
        cells["normalise-1"].message = "as it was"
        store.save(record)
    records = grade.run(course, "01", exercise="heart_share", console=QUIET)
    for record in records:
        assert (record.status, record.attempt, record.points) == (GRADED, 2, 3)
        assert record.cells[0].message == "as it was" and record.cells[2].passed
    assert by_hand() == set()  # nobody has to look again

    [ada] = grade.run(course, "01", student="ada", console=QUIET)
    assert (ada.attempt, store.load(LAB, "bo").attempt) == (3, 2) and ada.cells[0].message != "as it was"
    assert by_hand() == {"normalise-1", "what_enlarges"}  # as nbgrader has it
    records = grade.run(course, "01", again=True, console=QUIET)
    assert [record.attempt for record in records] == [4, 3]
    by_hand()


def test_one_exercise_of_a_submission_that_has_changed_is_graded_as_a_whole(course):
    lab = load_lab(course.find("01"))
    submit(course, "ada", answers(lab, normalise=ONES))
    assert grade.run(course, "01", console=QUIET)[0].points == 3
    submit(course, "ada", answers(lab))
    [record] = grade.run(course, "01", exercise="heart_share", console=QUIET)
    assert record.points == 6


def test_a_submission_is_graded_against_the_release_that_it_was_collected_under(course):
    lab = load_lab(course.find("01"))
    early = submit(course, "early", answers(lab))
    (early.parent / "submission.json").write_text(json.dumps({"release": "01-r1", "hand_in": 1}), encoding="utf-8")
    # The second release no longer asks for the second property.
    source, hidden = course.solutions / LAB / f"{LAB}.py", course.solutions / LAB / "hidden" / "heart_share.py"
    cell = re.search(r"(?m)^# %% nbgrader=.*heart_share-2.*\n#.*\n\n", source.read_text(encoding="utf-8"))[0]
    edit(source, cell, "")
    hidden.write_text(
        hidden.read_text(encoding="utf-8").split("def heart_share_2")[0].rstrip() + "\n", encoding="utf-8"
    )
    for mutant in (course.solutions / LAB / "mutants" / "heart_share").glob("*.py"):
        mutant.write_text(
            re.sub(r"heart_share-1, heart_share-2|heart_share-2", "heart_share-1", mutant.read_text(encoding="utf-8")),
            encoding="utf-8",
        )
    release.run(course, ["01"], next_version=True, make_zip=False)
    late = submit(course, "late", answers(lab))
    (late.parent / "submission.json").write_text(json.dumps({"release": "01-r2", "hand_in": 1}), encoding="utf-8")
    submit(course, "unknown", answers(lab))

    records = {record.student: record for record in grade.run(course, "01", console=QUIET)}
    assert {s: (r.release, r.points) for s, r in records.items()} == {
        "early": ("01-r1", 6), "late": ("01-r2", 5), "unknown": ("01-r2", 5),
    }  # fmt: skip
    assert [cell.id for cell in records["early"].cells][-1] == "heart_share-2"
    assert [cell.id for cell in records["late"].cells][-1] == "heart_share-1"
    [flag] = records["early"].flags
    assert "heart_share-2 of 01-r1 is not in the gradebook" in flag and records["late"].flags == []
    with opened(course) as book:
        assert {s.student.id: s.score for s in book.assignment_submissions(LAB)} == {
            "early": 5,
            "late": 5,
            "unknown": 5,
        }
