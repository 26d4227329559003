"""`autograder grade` in the roots of nbgrader's own courses: nbgrader's marks, and nbgrader's tools go on working with them."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from pathlib import Path

import nbgrader
import pytest
import stock
from check.styles import STYLES
from rich.console import Console
from stock import answer, check, formgrader, locked, manual, plain, task

from autograder import cli
from autograder.course.find import course_at
from autograder.errors import AutograderError
from autograder.record.records import GRADED, NEEDS_ATTENTION
from autograder.report import class_report, export, feedback
from autograder.run import grade

pytestmark = pytest.mark.kernel

USER_GUIDE = Path(nbgrader.__file__).parent / stock.DOCUMENTED
QUICKSTART = (
    'c = get_config()\nc.CourseDirectory.course_id = "ps"\nc.IncludeHeaderFooter.header = "source/header.ipynb"\n'
)


def graded(folder, assignment, **more):
    """(records by student, what was said) of `autograder grade` in a course's root."""
    said = io.StringIO()
    records = grade.run(course_at(folder), assignment, console=Console(file=said, width=300), **more)
    return {record.student: record for record in records}, said.getvalue()


def copied(folder, name):
    return Path(shutil.copytree(folder, folder.parent / name))


# nbgrader's quickstart ----------------------------------------------------------------------------------------------


def quickstart_course(folder):
    """What `nbgrader quickstart` makes."""
    ignored = shutil.ignore_patterns("*.html", "autotests.yml", "ps1_autotest")
    shutil.copytree(USER_GUIDE / "source", folder / "source", ignore=ignored)
    (folder / "nbgrader_config.py").write_text(QUICKSTART, encoding="utf-8")


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
    assert {s: r.points for s, r in records.items()} == {
        "bitdiddle": 1.5,
        "hacker": 3,
        "half": 1.5,
        "lacks": 3,
        "perfect": 3,
    }
    assert {s: r.status for s, r in records.items()} == dict.fromkeys(records, GRADED) | {"lacks": NEEDS_ATTENTION}
    assert "problem2.ipynb is missing" in records["lacks"].reason


def test_all_checks_of_quickstart_run_outside_and_its_weak_one_is_told(quickstart):
    _, records, said, _ = quickstart
    assert all(cell.outside for record in records.values() for cell in record.cells)
    assert "problem1, squares_invalid_input: weak, passed by: always raises" in said
    assert "not tamper-proof" not in said


@pytest.mark.slow(reason="runs `nbgrader quickstart`")
def test_the_command_makes_this_course(tmp_path):
    quickstart_course(tmp_path / "expected")
    stock.nbgrader(tmp_path, "quickstart", "ps")
    expected, made = (
        {str(p.relative_to(f)): p.read_bytes() for p in (f / "source").rglob("*") if p.is_file()}
        for f in (tmp_path / "expected", tmp_path / "ps")
    )
    assert made == expected
    assert course_at(tmp_path / "ps").config == course_at(tmp_path / "expected").config


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
        cells += [
            answer(id, right),
            *(locked(f"{id}-between", text) for text in between),
            check(f"{id}-1", test, points),
        ]
    stock.write(folder / "source" / "styles" / "styles.ipynb", cells)
    (folder / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")


@pytest.fixture(scope="module")
def styles(tmp_path_factory):
    every = [*STYLES, *INSIDE]
    folder = tmp_path_factory.mktemp("styles") / "course"
    styles_course(folder, every)
    stock.nbgrader(folder, "generate_assignment", "styles")
    for name, place in (("right", 2), ("wrong", 3)):
        stock.submit(
            folder / "release" / "styles", folder / "submitted" / name / "styles", {s[0]: s[place] for s in every}
        )
    theirs = copied(folder, "stock")
    stock.nbgrader(theirs, "autograde", "styles")
    records, said = graded(folder, "styles")
    return folder, records, said, stock.marks(theirs / "gradebook.db", "styles")


@pytest.mark.slow(reason="grades a course with every style of check twice, here and with stock nbgrader")
def test_every_style_of_check_gets_the_marks_of_nbgrader(styles):
    folder, records, _, theirs = styles
    assert stock.marks(folder / "gradebook.db", "styles") == theirs
    assert records["right"].points == records["right"].max == sum(s[-1] for s in (*STYLES, *INSIDE))
    assert all(cell.points < cell.max for cell in records["wrong"].cells)


@pytest.mark.slow(reason="looks at the course with every style of check")
def test_what_runs_inside_is_marked_told_and_refused_where_asked(styles):
    folder, records, said, _ = styles
    inside = {f"{style[0]}-1" for style in INSIDE}
    for record in records.values():
        assert {cell.id for cell in record.cells if not cell.outside} == inside
    assert all(f"styles, {id}: checked in the student's process, not tamper-proof" in said for id in inside)
    with pytest.raises(AutograderError, match=f"--strict: {len(INSIDE)} checks"):
        graded(folder, "styles", again=True, options=grade.Options(strict=True))


# Everything else that a course may have -----------------------------------------------------------------------------

SETTINGS = """c = get_config()
c.CourseDirectory.course_id = "c101"
c.CourseDirectory.source_directory = "masters"
c.CourseDirectory.release_directory = "handouts"
c.CourseDirectory.submitted_directory = "incoming"
c.CourseDirectory.autograded_directory = "marked"
c.CourseDirectory.feedback_directory = "returned"
c.CourseDirectory.db_url = "sqlite:///marks.db"
"""
ONE = [
    plain("# Week 1", "markdown"),
    plain("import csv\nfrom helper import scale"),
    locked("data", "with open('data/ages.csv') as file:\n    ages = [int(row['age']) for row in csv.DictReader(file)]"),
    answer("mean", "def mean(x):\n    ### BEGIN SOLUTION\n    return sum(x) / len(x)\n    ### END SOLUTION"),
    check("mean_test", "assert mean(ages) == 30\n### BEGIN HIDDEN TESTS\nassert mean([scale(7919), scale(7921)]) == 79200\n### END HIDDEN TESTS", 2),
    answer("vowels", "def vowels(text):\n    return sum(c in 'aeiou' for c in text.lower())"),
    check("vowels_test", "score = vowels('banana') == 3\nscore += 2 * (vowels('OIL') == 2)\nfloat(score)", 3),
    answer("lines", "def lines():\n    with open('data/ages.csv') as file:\n        return len(list(file))"),
    check("lines_test", "assert lines() == 4", 1),
    manual("explain", "Because.", 2),
    manual("plot", "print('a plot')", 3, "code"),
    task("essay", "Write an essay on ages.", 4),
]  # fmt: skip
TWO = [  # with ids that the other notebook has too
    answer("mean", "import statistics\ndef mean(x):\n    return statistics.median(x)"),
    check("mean_test", "assert mean([1, 2, 9]) == 2", 1),
    manual("explain", "The middle.", 1),
]
STAMP = "2026-03-01 12:00:00.000000 UTC"


@pytest.fixture(scope="module")
def varied(tmp_path_factory):
    """(folder, records, nbgrader's marks) of a course with settings of its own; nbgrader has not seen it before it is graded."""
    folder = tmp_path_factory.mktemp("varied") / "course"
    source = folder / "masters" / "week1"
    stock.write(source / "one.ipynb", ONE)
    stock.write(source / "two.ipynb", TWO, minor=4)
    (source / "data").mkdir()
    (source / "data" / "ages.csv").write_text("age\n20\n30\n40\n", encoding="utf-8")
    (source / "helper.py").write_text("def scale(x):\n    return 10 * x\n", encoding="utf-8")
    (folder / "nbgrader_config.py").write_text(SETTINGS, encoding="utf-8")
    theirs = copied(folder, "stock")
    stock.nbgrader(theirs, "generate_assignment", "week1")
    right, incoming = stock.answers_in(source), theirs / "incoming"
    right |= {"one/mean": ONE[3].source, "two/mean": TWO[0].source}
    right |= {"lines": "def lines():\n    with open('own/count.txt') as file:\n        return int(file.read())"}
    partly = {
        "one/mean": ONE[3].source,
        "vowels": "def vowels(text):\n    return sum(c in 'aeiou' for c in text)",
        "plot": "1",
    }
    for student, answers in {"right": right, "partly": partly, "blank": {}}.items():
        stock.submit(
            theirs / "handouts" / "week1", incoming / student / "week1", answers, STAMP if student == "right" else ""
        )
    extra = incoming / "right" / "week1"
    (extra / "own").mkdir()
    (extra / "own" / "count.txt").write_text("4", encoding="utf-8")
    (extra / "data").mkdir()
    (extra / "data" / "ages.csv").write_text("age\n1\n", encoding="utf-8")  # the instructor's counts
    (extra / "scratch.ipynb").write_text("{}", encoding="utf-8")
    shutil.copytree(incoming, folder / "incoming")
    stock.nbgrader(theirs, "autograde", "week1")
    records, _ = graded(folder, "week1")
    return folder, records, stock.marks(theirs / "marks.db", "week1", "c101")


def test_settings_data_helpers_partial_credit_and_equal_ids_get_the_marks_of_nbgrader(varied):
    folder, records, theirs = varied
    assert stock.marks(folder / "marks.db", "week1", "c101") == theirs
    assert {student: record.points for student, record in records.items()} == {"right": 7, "partly": 3, "blank": 0}
    assert all(cell.outside for record in records.values() for cell in record.cells)
    assert [(c.exercise, c.points) for c in records["partly"].cells] == [
        ("one/mean_test", 2), ("vowels_test", 1), ("lines_test", 0), ("two/mean_test", 0),
    ]  # fmt: skip
    assert any("scratch.ipynb" in flag for flag in records["right"].flags)
    assert {path.name for path in folder.iterdir()} == {
        ".autograder", "incoming", "marked", "marks.db", "masters", "nbgrader_config.py",
    }  # fmt: skip


def test_when_it_was_handed_in_is_kept(varied):
    from nbgrader.api import Gradebook

    folder, *_ = varied
    with Gradebook(f"sqlite:///{folder / 'marks.db'}", "c101") as book:
        assert str(book.find_submission("week1", "right").timestamp) == "2026-03-01 12:00:00"
        assert book.find_submission("week1", "partly").timestamp is None


def test_nbgrader_writes_feedback_and_exports_what_was_graded(varied):
    folder, records, _ = varied
    stock.nbgrader(folder, "generate_feedback", "week1")
    for student in records:
        for stem in ("one", "two"):
            page = (folder / "returned" / student / "week1" / f"{stem}.html").read_text(encoding="utf-8")
            assert "7919" not in page  # a hidden test
    assert "Partly correct: 1 of 3 points." in (folder / "returned" / "partly" / "week1" / "one.html").read_text(
        encoding="utf-8"
    )
    stock.nbgrader(folder, "export")
    with open(folder / "grades.csv", encoding="utf-8") as file:
        scores = {row["student_id"]: float(row["raw_score"]) for row in csv.DictReader(file)}
    assert scores == {student: record.points for student, record in records.items()}


def test_our_feedback_export_and_report_know_the_course(varied, tmp_path):
    folder, records, _ = varied
    course, quiet = course_at(folder), Console(quiet=True)
    assert {str(p.relative_to(folder)) for p in feedback.run(course, "week1", quiet)} == {
        f"returned/{student}/week1/{stem}.html" for student in records for stem in ("one", "two")
    }
    one, two = (
        (folder / "returned" / "partly" / "week1" / f"{stem}.html").read_text(encoding="utf-8")
        for stem in ("one", "two")
    )
    assert "3 of 17 points, 7 still to be graded manually" in one
    assert 'id="mean_test"' in one and 'id="mean_test"' in two and 'href="two.html#mean_test"' in one
    export.run(course, "week1", tmp_path / "grades.csv", quiet)
    with open(tmp_path / "grades.csv", encoding="utf-8-sig") as file:
        rows = {(row["student"], row["exercise"]): row for row in csv.DictReader(file)}
    assert rows["partly", "one/mean_test"]["points"] == "2" and rows["partly", "two/mean_test"]["points"] == "0"
    assert rows["partly", "TOTAL"]["points"] == "3" and rows["right", "TOTAL"]["to_mark_by_hand"] == "10"
    assert rows["right", "one/explain"]["status"] == rows["right", "essay"]["status"] == "to mark by hand"
    page = class_report.run(course, "week1", quiet)
    assert all(
        name in Path(page).read_text(encoding="utf-8") for name in ("one/mean_test", "two/mean_test", "vowels_test")
    )


def test_formgrader_shows_what_was_graded(varied):
    folder, records, _ = varied
    with formgrader(folder) as get:
        [assignment] = json.loads(get("api/assignments"))
        assert (assignment["name"], assignment["num_submissions"], assignment["max_code_score"]) == ("week1", 3, 10)
        submissions = {entry["student"]: entry for entry in json.loads(get("api/submissions/week1"))}
        assert {student: entry["code_score"] for student, entry in submissions.items()} == {
            student: record.points for student, record in records.items()
        }
        assert submissions["right"]["needs_manual_grade"] and submissions["right"]["autograded"]
        assert "week1" in get("manage_submissions/week1")
        [notebook] = [n for n in json.loads(get("api/submitted_notebooks/week1/one")) if n["student"] == "partly"]
        page = get(f"submissions/{notebook['id']}/?index=0")
        assert "Partly correct: 1 of 3 points." in page and "aeiou" in page and "7919" not in page
        grades = json.loads(get(f"api/grades?submission_id={notebook['id']}"))
        assert {grade["name"]: grade["auto_score"] for grade in grades} == {
            "mean_test": 2, "vowels_test": 1, "lines_test": 0, "explain": 0, "plot": None, "essay": None,
        }  # fmt: skip


# Mistakes of the instructor -----------------------------------------------------------------------------------------


def small_course(folder, test="assert double(2) == 4", students=("ann",)):
    """A course of nbgrader's with one function, and right answers."""
    folder.mkdir()
    cells = [answer("double", "def double(x):\n    return 2 * x"), check("double_test", test)]
    stock.write(folder / "source" / "hw_1" / "hw.ipynb", cells)
    for student in students:
        stock.write(folder / "submitted" / student / "hw_1" / "hw.ipynb", cells)
    (folder / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    return folder


def test_a_reference_without_full_marks_stops_everything_before_anybody_is_graded(tmp_path):
    folder = small_course(tmp_path / "course", "assert double(2) == 5, 'two times two is five'")
    with pytest.raises(AutograderError, match=r"(?s)loses points, so nothing was graded:\n  hw, double_test: .*five"):
        graded(folder, "hw_1")
    assert not (folder / "gradebook.db").exists() and not (folder / "autograded").exists()
    assert not list((folder / ".autograder").rglob("ann*"))


def test_a_weak_check_is_told_each_time(tmp_path):
    folder = small_course(tmp_path / "course", "result = double(2)")
    for again in (False, True):
        _, said = graded(folder, "hw_1", again=again)
        assert "hw, double_test: weak, passed by: returns None, returns NaN" in said


def test_a_hidden_test_is_never_shown_however_it_is_marked(tmp_path):
    hidden = "assert double(2) == 4\n# BEGIN HIDDEN TESTS\nassert double(7919) == 15838\n# END HIDDEN TESTS"
    folder = small_course(tmp_path / "course", hidden)
    path = folder / "submitted" / "ann" / "hw_1" / "hw.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("return 2 * x", "return 4"), encoding="utf-8")
    records, _ = graded(folder, "hw_1")
    assert records["ann"].points == 0 and "7919" not in records["ann"].to_json()
    assert "7919" not in (folder / "autograded" / "ann" / "hw_1" / "hw.ipynb").read_text(encoding="utf-8")


def spoil_source(folder):
    shutil.rmtree(folder / "source")


def spoil_config(folder):
    (folder / "nbgrader_config.py").write_text("c = get_config(\n", encoding="utf-8")


def other_database(folder):
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.db_url = 'postgresql://host/marks'\n", encoding="utf-8"
    )


def nobody(folder):
    shutil.rmtree(folder / "submitted")


def autotests(folder):
    cells = [
        answer("double", "def double(x):\n    return 2 * x"),
        check("double_test", "### HASHED AUTOTEST double(2)"),
    ]
    stock.write(folder / "source" / "hw_1" / "hw.ipynb", cells)
    stock.write(folder / "release" / "hw_1" / "hw.ipynb", cells)


def stale_release(folder):
    cells = [answer("double", "raise NotImplementedError()"), check("test_double", "")]
    stock.write(folder / "release" / "hw_1" / "hw.ipynb", cells)


@pytest.mark.parametrize(
    ("spoil", "arguments", "said", "next_command"),
    [
        (None, ["grade", "hw_2"], "no assignment 'hw_2'", "autograder grade hw_1"),
        (None, ["grade", "hw_1", "--student", "bob"], "bob has not submitted hw_1", "nbgrader collect"),
        (None, ["feedback", "hw_1"], "No submission to hw_1 has been graded", "autograder grade hw_1"),
        (None, ["release", "hw_1"], "is an nbgrader course", "nbgrader --help"),
        (nobody, ["grade", "hw_1"], "No submissions to hw_1", "nbgrader collect"),
        (nobody, ["export"], "there are no submissions", "nbgrader collect"),
        (spoil_source, ["grade", "hw_1"], "No assignment in", "nbgrader generate_assignment hw_1"),
        (spoil_config, ["grade", "hw_1"], "nbgrader_config.py cannot be read (SyntaxError", "run the command again"),
        (other_database, ["grade", "hw_1"], "is postgresql; expected sqlite", "CourseDirectory.db_url"),
        (autotests, ["grade", "hw_1"], "AUTOTEST: double_test", "nbgrader autograde hw_1"),
        (stale_release, ["grade", "hw_1"], "have changed since its release", "nbgrader generate_assignment hw_1 --force"),
    ],
)  # fmt: skip
def test_errors_are_a_sentence_with_what_to_type(tmp_path, monkeypatch, capsys, spoil, arguments, said, next_command):
    folder = small_course(tmp_path / "course")
    if spoil:
        spoil(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["autograder", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    told = capsys.readouterr().err
    assert ended.value.code == 2 and said in told and next_command in told
    assert "Traceback" not in told and len(told) < 500
