"""The demo: a class of its own making, graded to the marks that the answers deserve, without touching the course."""

import io
import subprocess
from pathlib import Path

import pytest
from graded_class import graded_class
from rich.console import Console

from autograder import demo
from autograder.author.lab_source import load_lab
from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError
from warmkernel import pool

COURSE = Path(__file__).parent / "course"


def test_eight_students_each_with_another_mix():
    lab = load_lab(COURSE / "solutions" / "01_tiny")
    students = demo.make_class(lab)
    assert len({s.name for s in students}) == 8
    mixes = [tuple(sorted(s.answers.items())) for s in students]
    assert len(set(mixes)) == 8
    whole = {cell.id for e in lab.exercises for cell in e.cells}
    perfect, blank, half, *mistaken = students
    assert perfect.loses == set() and blank.loses == whole and set() < half.loses < whole
    assert all(student.loses for student in mistaken)


def test_a_folder_that_the_demo_did_not_make_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(AutograderError, match="--into FOLDER"):
        demo.run(LabCourse(COURSE), tmp_path, console=Console(quiet=True))
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"
    with pytest.raises(AutograderError, match="nothing was changed"):
        demo.make_course(LabCourse(COURSE), COURSE)


@pytest.mark.kernel
def test_a_wrong_mark_is_noticed():
    marked = graded_class()
    record = marked.records["mistaken"]
    right = demo.Student("mistaken", "", loses={c.id for c in record.cells if not c.passed})
    assert demo.differences([right], [record]) == []
    wrong = demo.Student("mistaken", "", loses=set())
    assert "expected to lose nothing, got" in demo.differences([wrong], [record])[0]
    assert "no record" in demo.differences([right], [])[0]
    assert "a web page" in demo.differences([demo.Student("webpage", "")], [marked.records["webpage"]])[0]


@pytest.mark.kernel
def test_where_no_sandbox_can_be_made_the_demo_says_so_and_grades_its_own_students_without(tmp_path, monkeypatch):
    """As for an ordinary user in a container that masks parts of /proc."""
    pool.close_all()
    monkeypatch.setattr("warmkernel.sandbox.find_bubblewrap", lambda: "/bin/false")
    out = io.StringIO()
    records = demo.run(LabCourse(COURSE), tmp_path / "class", console=Console(file=out, width=400))
    assert all(record.unsafe for record in records if record.cells)
    assert "No sandbox can be created" in out.getvalue() and "`autograder grade` would refuse" in out.getvalue()
    assert "marks are as expected" in out.getvalue()


@pytest.mark.slow(reason="builds, releases and grades a course; `make demo` and test_grade do the same on every push")
def test_the_whole_demo_on_the_tiny_course(tmp_path):
    def state():
        return subprocess.run(
            ["git", "status", "--porcelain", "--", str(COURSE)], capture_output=True, cwd=COURSE
        ).stdout

    before, out = state(), io.StringIO()
    records = demo.run(LabCourse(COURSE), tmp_path / "class", console=Console(file=out, width=160))
    assert len(records) == 8 and {r.status for r in records} == {"graded"}
    said = out.getvalue()
    assert "All 32 marks are as expected" in said
    assert all(name in said for name in (demo.PERFECT, demo.BLANK, demo.HALF_WAY, *demo.MISTAKEN))
    assert len(list((tmp_path / "class" / "handed-in").glob("01--*.zip"))) == 8
    assert len(list((tmp_path / "class" / "feedback").glob("*/01_tiny/*.html"))) == 8
    assert state() == before
