"""The marks of the real labs: every promise of their mutants, a whole class graded."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from autograder import demo
from autograder.author import prove
from autograder.author.lab_source import load_lab
from autograder.course.lab_course import LabCourse
from autograder.record.records import Record

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).resolve().parent.parent.parent
COURSE = LabCourse(ROOT)
LAB = "01_cardiomegaly"


@pytest.mark.parametrize("name", [folder.name for folder in COURSE.folders()])
@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(1, marks=pytest.mark.sample),
        pytest.param(20, marks=pytest.mark.slow(reason="judges every answer 21 times")),
    ],
)
def test_every_answer_gets_the_marks_and_the_message_that_its_file_names(name, seeds):
    """For the seed that stands in the notebook, and further ones."""
    lab = load_lab(COURSE.find(name))
    rows = prove.prove_lab(lab, seeds=seeds, course=COURSE)
    assert len(rows) == sum(2 + len(exercise.mutants) for exercise in lab.exercises)
    assert [row for row in rows if not row.ok] == []


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> tuple[LabCourse, dict[str, Record]]:
    """Eight students of lab 01, graded. `demo` itself raises when one mark is not what the mutants' files say."""
    folder = tmp_path_factory.mktemp("class") / "course"
    records = demo.run(COURSE, folder, LAB, console=Console(file=io.StringIO()))
    return LabCourse(folder), {record.student: record for record in records}


def test_no_feedback_page_of_a_real_class_holds_a_line_of_a_hidden_check(graded):
    course, records = graded
    pages = sorted(course.feedback.glob(f"*/{LAB}/*.html"))
    assert len(pages) == 2 * len(records)
    lab = load_lab(course.find(LAB))
    shown = "\n".join(source for exercise in lab.exercises for source in (exercise.reference, exercise.stub))
    shown += "\n".join(mutant.source for exercise in lab.exercises for mutant in exercise.mutants)
    code = {
        line.strip()
        for exercise in lab.exercises
        for line in exercise.hidden_path.read_text(encoding="utf-8").splitlines()
        if len(line.strip()) > 24 and "AssertionError(" not in line and '"' not in line
    }
    code -= {line for line in code if line in shown}
    assert len(code) > 40
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert [line for line in code if line in text] == [], page
