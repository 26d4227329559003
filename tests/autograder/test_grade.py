"""Grading a class with nbgrader's engine: honest marks, one bad notebook stops nobody, an interruption loses nothing."""

import os
import signal
import subprocess
import sys
import time

import pytest
from graded_class import LAB, MISTAKES, answers, graded_class, new_course, submit
from rich.console import Console

from autograder import grade
from autograder.course import Course
from autograder.errors import AutograderError
from autograder.lab import load_lab
from autograder.messages import say
from autograder.nbgrader_engine import Limits
from autograder.records import FAILED, GRADED, NEEDS_ATTENTION, RUNNING, RecordStore

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def marked():
    return graded_class()


def passed(record):
    return {cell.id: cell.passed for cell in record.cells}


def test_grading_without_consent_is_refused_and_says_what_to_type():
    with pytest.raises(AutograderError, match=r"UNPROTECTED(.|\n)*autograder grade 01 --unsafe-no-sandbox"):
        grade.run(Course(os.path.join(os.path.dirname(__file__), "course")), "01")


def test_perfect_earns_all_though_it_prints_to_stderr_and_warns(marked):
    record = marked.records["perfect"]
    assert (record.status, record.points, record.max) == (GRADED, 6, 6)
    assert record.unsafe and record.engine == "nbgrader" and record.release == "01-r1"


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
    for expected in ("normalise-1 is missing", "normalise-2 is locked", "points were changed", "more than once"):
        assert expected in flags


def test_a_dead_kernel_leaves_ungraded_cells_ungraded(marked):
    record = marked.records["dies"]
    assert record.status == NEEDS_ATTENTION and "kernel died" in record.reason
    assert record.points is None
    assert passed(record)["normalise-1"] is True and passed(record)["heart_share-1"] is None


def test_a_web_page_is_no_notebook_and_the_others_are_graded(marked):
    record = marked.records["webpage"]
    assert record.status == FAILED and "web page, not a notebook" in record.reason
    assert record.points is None
    assert "web page" in marked.said and "none of them counts as 0" in marked.said


def test_the_gradebook_holds_the_scores_and_nbgrader_exports_them(marked, tmp_path):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{marked.course.gradebook}", "medxai") as book:
        scores = {s.student.id: s.score for s in book.assignment_submissions(LAB)}
        ungraded = book.find_grade("heart_share-1", LAB, LAB, "dies")
        assert ungraded.auto_score is None and ungraded.needs_manual_grade
    for student in ("perfect", "blank", "mistaken", "leaky", "untidy"):
        assert scores[student] == marked.records[student].points
    assert "webpage" not in scores
    out = tmp_path / "nbgrader.csv"
    env = marked.course.environment()
    env["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), env["PATH"]])
    command = [sys.executable, "-m", "nbgrader", "export", "--to", str(out)]
    subprocess.run(command, cwd=marked.course.root, env=env, check=True, capture_output=True)
    assert any("perfect" in line and ",6.0," in line for line in out.read_text().splitlines())


def test_what_is_graded_and_unchanged_is_not_graded_again(marked):
    before = {s: r.attempt for s, r in marked.records.items()}
    for student in ("dies", "webpage"):  # these are tried again each time; here only the others are looked at
        before.pop(student)
    store = RecordStore(marked.course.state)
    release = grade.load_release(marked.course, LAB)
    for student in before:
        folder = marked.course.submitted / student / LAB
        assert store.load(LAB, student).digest == grade._digest(folder, release)
    path = marked.course.submitted / "blank" / LAB / f"{LAB}.ipynb"
    text = path.read_text()
    path.write_text(text.replace("NotImplementedError", "NotImplementedError()", 1))
    assert store.load(LAB, "blank").digest != grade._digest(path.parent, release)
    path.write_text(text)


def test_killed_grading_is_finished_by_the_same_command(tmp_path):
    course = new_course(tmp_path / "course")
    lab = load_lab(course.find("01"))
    slow = "import time\ntime.sleep(2)\n" + lab.exercise("normalise").reference
    students = ["s1", "s2", "s3"]
    for student in students:
        submit(course, student, answers(lab, normalise=slow))
    command = [
        sys.executable,
        "-m",
        "autograder.cli",
        "--course",
        str(course.root),
        "grade",
        "01",
        "--unsafe-no-sandbox",
    ]
    child = subprocess.Popen(command, env=course.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    store = RecordStore(course.state)
    deadline = time.monotonic() + 240
    while not any((r := store.load(LAB, s)) and r.status == GRADED for s in students):
        assert child.poll() is None and time.monotonic() < deadline, child.stdout.read().decode()
        time.sleep(0.1)
    child.send_signal(signal.SIGKILL)
    child.wait()
    states = {s: store.load(LAB, s) for s in students}
    assert RUNNING in {r.status for r in states.values()}  # it was killed in the middle
    records = {r.student: r for r in grade.run(course, "01", unsafe_no_sandbox=True, console=QUIET)}
    assert {r.status for r in records.values()} == {GRADED} and {r.points for r in records.values()} == {6.0}
    for student, before in states.items():
        if before.status == GRADED:
            assert records[student] == before  # kept, not graded again
    assert not (course.state / "scratch").exists()


def test_an_endless_loop_costs_its_own_exercise_only(tmp_path):
    course = new_course(tmp_path / "course")
    lab = load_lab(course.find("01"))
    submit(course, "loops", answers(lab, normalise="def normalise(film):\n    while True:\n        pass"))
    [record] = grade.run(course, "01", unsafe_no_sandbox=True, limits=Limits(cell=8, check=4), console=QUIET)
    assert record.status == GRADED
    assert [cell.passed for cell in record.cells] == [False, False, True, True]
    assert "stopped after 4 s" in record.cells[0].message


def error(name, value, *frames):
    return {"ename": name, "evalue": value, "traceback": ["---", f"{name}  Traceback", *frames, f"{name}: {value}"]}


CHECK, ANSWER, LIBRARY = (
    "Cell In[9], line 4, in key_1(f)\n code",
    "Cell In[3], line 2, in key(x)\n",
    "File ~/np.py:1, in g",
)


@pytest.mark.parametrize(
    ("raised", "shown", "hidden"),
    [
        (error("AssertionError", "the map must be centred", CHECK), "the map must be centred", None),
        (error("AssertionError", "[3.14]", CHECK, ANSWER), "AssertionError at line 2 of its cell", "3.14"),
        (error("AssertionError", "x: 3.14 y: 2.71", CHECK, LIBRARY), "AssertionError", "3.14"),
        (error("AssertionError", "3.14\nCell In[9], line 4", CHECK, ANSWER), "stopped", "3.14"),
        (error("ValueError", "shape 3.14", CHECK, ANSWER, LIBRARY), "ValueError at line 2 of its cell", "3.14"),
        (error("Leak_3_14", "", CHECK, ANSWER), "an error of its own kind", "3_14"),
        (error("TypeError", "3.14 is not subscriptable", CHECK), "could not be used (a TypeError)", "3.14"),
        (error("CellTimeoutError", ""), "stopped after 60 s", None),
    ],
)
def test_only_what_the_hidden_check_itself_says_is_shown(raised, shown, hidden):
    message = say(raised, "key", 9, 3, limit=60)
    assert shown in message
    assert hidden is None or hidden not in message


def test_an_answer_that_never_became_a_function_is_told_so():
    raised = error("NameError", "name 'key' is not defined", CHECK)
    syntax = {"ename": "SyntaxError", "evalue": "", "traceback": ["  Cell In[3], line 5\n    def (\n"]}
    assert "its cell stopped with a SyntaxError at line 5" in say(raised, "key", 9, 3, syntax)
    assert "no function of this name" in say(raised, "key", 9, 3)
