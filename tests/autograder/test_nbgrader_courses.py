"""`autograder grade` in the roots of nbgrader's own courses: nbgrader's marks, and nbgrader's tools go on working with them."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import nbgrader
import pytest
import stock
from outside.styles import STYLES
from rich.console import Console
from stock import answer, check, locked

from autograder import grade
from autograder.course import Course
from autograder.errors import AutograderError
from autograder.records import GRADED, NEEDS_ATTENTION

USER_GUIDE = Path(nbgrader.__file__).parent / stock.DOCUMENTED
QUICKSTART = 'c = get_config()\nc.CourseDirectory.course_id = "ps"\nc.IncludeHeaderFooter.header = "source/header.ipynb"\n'


def graded(folder, assignment, **more):
    """(records by student, what was said) of `autograder grade` in a course's root."""
    said = io.StringIO()
    records = grade.run(Course.at(folder), assignment, console=Console(file=said, width=300), **more)
    return {record.student: record for record in records}, said.getvalue()


def copied(folder, name):
    return Path(shutil.copytree(folder, folder.parent / name))


# nbgrader's quickstart ----------------------------------------------------------------------------------------------


def quickstart_course(folder):
    """What `nbgrader quickstart` makes."""
    ignored = shutil.ignore_patterns("*.html", "autotests.yml", "ps1_autotest")
    shutil.copytree(USER_GUIDE / "source", folder / "source", ignore=ignored)
    (folder / "nbgrader_config.py").write_text(QUICKSTART)


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    """(folder, records, what was said, nbgrader's marks) of the course, with five submissions."""
    folder = tmp_path_factory.mktemp("quickstart") / "ps"
    quickstart_course(folder)
    stock.nbgrader(folder, "generate_assignment", "ps1")
    shutil.copytree(USER_GUIDE / "submitted", folder / "submitted")
    released, submitted = folder / "release" / "ps1", folder / "submitted"
    right = stock.answers_in(folder / "source" / "ps1")
    stock.submit(released, submitted / "perfect" / "ps1", right, "2026-03-01 12:00:00 UTC")
    half = {
        "squares": "def squares(n):\n    return [i * i for i in range(1, n + 1)]",
        "sum_of_squares": "def sum_of_squares(n):\n    return sum(i * i for i in range(1, n + 1))",
    }
    stock.submit(released, submitted / "half" / "ps1", half)
    stock.submit(released, submitted / "lacks" / "ps1", right)
    (submitted / "lacks" / "ps1" / "problem2.ipynb").unlink()
    theirs = copied(folder, "stock")
    stock.nbgrader(theirs, "autograde", "ps1")
    (folder / "gradebook.db").unlink()  # ours is told of the assignment when it is graded
    records, said = graded(folder, "ps1")
    return folder, records, said, stock.marks(theirs / "gradebook.db", "ps1")


def test_quickstart_gets_the_marks_of_nbgrader(quickstart):
    folder, records, _, theirs = quickstart
    ours = stock.marks(folder / "gradebook.db", "ps1")
    assert len(ours) == len(theirs) == 5 * 9
    # A notebook that was not handed in is nbgrader's 0; for us it waits for a person.
    lacking = {key for key in ours if key[:2] == ("lacks", "problem2")}
    assert {key: (ours[key], theirs[key]) for key in lacking} == dict.fromkeys(lacking, ((None, True), (0, False)))
    assert {k: v for k, v in ours.items() if k not in lacking} == {k: v for k, v in theirs.items() if k not in lacking}
    assert {s: r.points for s, r in records.items()} == {"bitdiddle": 1.5, "hacker": 3, "half": 1.5, "lacks": 3, "perfect": 3}
    assert {s: r.status for s, r in records.items()} == dict.fromkeys(records, GRADED) | {"lacks": NEEDS_ATTENTION}
    assert "problem2.ipynb is missing" in records["lacks"].reason


def test_all_checks_of_quickstart_run_outside_and_its_weak_one_is_told(quickstart):
    _, records, said, _ = quickstart
    assert all(cell.outside for record in records.values() for cell in record.cells)
    assert "problem1, squares_invalid_input: weak, passed by these: always raises" in said
    assert "not tamper-proof" not in said


@pytest.mark.slow
def test_the_command_makes_this_course(tmp_path):
    quickstart_course(tmp_path / "expected")
    stock.nbgrader(tmp_path, "quickstart", "ps")
    expected, made = (
        {str(p.relative_to(f)): p.read_bytes() for p in (f / "source").rglob("*") if p.is_file()}
        for f in (tmp_path / "expected", tmp_path / "ps")
    )
    assert made == expected
    assert Course.at(tmp_path / "ps").config == Course.at(tmp_path / "expected").config


# One check cell of each style ---------------------------------------------------------------------------------------

# What can only be judged where the student's code runs: an object of the student's, patched builtins, the current figure, a magic.
INSIDE = [
    ("object", "", "class Dog:\n    def __init__(self, name):\n        self.name = name", "class Dog:\n    def __init__(self, name):\n        self.name = 'x'",
     "assert Dog('rex').name == 'rex'", 1),
    ("mocked_print", "", "def greet():\n    print('hello')", "def greet():\n    print('bye')",
     "with patch('builtins.print') as printed:\n    greet()\nprinted.assert_called_with('hello')", 1),
    ("figure", "import matplotlib.pyplot as plt", "def draw():\n    plt.plot([1, 2])", "def draw():\n    plt.figure()",
     "plt.close('all')\ndraw()\nassert len(plt.gca().lines) == 1", 1),
]  # fmt: skip


def styles_course(folder, styles):
    cells = []
    for id, before, right, _, test, points in styles:
        *between, test = test if isinstance(test, tuple) else (test,)
        cells += [locked(f"{id}-before", before)] if before else []
        cells += [answer(id, right), *(locked(f"{id}-between", text) for text in between), check(f"{id}-1", test, points)]
    stock.write(folder / "source" / "styles" / "styles.ipynb", cells)
    (folder / "nbgrader_config.py").write_text("c = get_config()\n")


@pytest.fixture(scope="module")
def styles(tmp_path_factory):
    every = [*STYLES, *INSIDE]
    folder = tmp_path_factory.mktemp("styles") / "course"
    styles_course(folder, every)
    stock.nbgrader(folder, "generate_assignment", "styles")
    for name, place in (("right", 2), ("wrong", 3)):
        stock.submit(folder / "release" / "styles", folder / "submitted" / name / "styles", {s[0]: s[place] for s in every})
    theirs = copied(folder, "stock")
    stock.nbgrader(theirs, "autograde", "styles")
    records, said = graded(folder, "styles")
    return folder, records, said, stock.marks(theirs / "gradebook.db", "styles")


@pytest.mark.slow
def test_every_style_of_check_gets_the_marks_of_nbgrader(styles):
    folder, records, _, theirs = styles
    assert stock.marks(folder / "gradebook.db", "styles") == theirs
    assert records["right"].points == records["right"].max == sum(s[-1] for s in (*STYLES, *INSIDE))
    assert all(cell.points < cell.max for cell in records["wrong"].cells)


@pytest.mark.slow
def test_what_runs_inside_is_marked_told_and_refused_where_asked(styles):
    folder, records, said, _ = styles
    inside = {f"{style[0]}-1" for style in INSIDE}
    for record in records.values():
        assert {cell.id for cell in record.cells if not cell.outside} == inside
    assert all(f"styles, {id}: judged in the student's process, not tamper-proof" in said for id in inside)
    with pytest.raises(AutograderError, match=f"--strict: {len(INSIDE)} checks"):
        graded(folder, "styles", again=True, options=grade.Options(strict=True))
