"""course.toml: what an instructor leaves out and counts differently, followed by every command; what does not add up is refused."""

from __future__ import annotations

import csv
import io
import shutil
import zipfile

import nbformat
import pytest
from rich.console import Console
from tiny_course import ANSWERS, LAB, answer, fresh

from autograder.author import proofs, prove
from autograder.author.build import run as build
from autograder.author.lab_source import load_lab
from autograder.collect import collect
from autograder.course.choices import NAME
from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError, LeakError
from autograder.record import gradebook
from autograder.record.records import GRADED, Record, RecordStore
from autograder.release import release
from autograder.release.run_all import run_all, surprises
from autograder.report import class_report, export
from autograder.run import grade

SECOND = "02_second"


def course_with(folder, text: str, labs: int = 1) -> LabCourse:
    course = fresh(folder / "course")
    if labs > 1:
        shutil.copytree(course.solutions / LAB, course.solutions / SECOND)
        (course.solutions / SECOND / f"{LAB}.py").rename(course.solutions / SECOND / f"{SECOND}.py")
    (course.root / NAME).write_text(text, encoding="utf-8")
    return course


@pytest.mark.kernel
def test_an_exercise_that_is_left_out_is_in_no_product_and_the_rest_works(tmp_path):
    course = course_with(
        tmp_path, '[lab.tiny]\ndrop = ["normalise", "what_enlarges"]\npoints = { heart_share = 9 }\ntotal = 9\n'
    )
    zipped = release.run(course)
    path = course.notebooks / LAB / f"{LAB}.ipynb"
    nb = nbformat.read(path, as_version=4)
    ids = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in nb.cells} - {None}
    assert ids == {"heart_share", "heart_share-1", "heart_share-2"}
    points = {cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points for cell in nb.cells
              if cell.metadata.get("nbgrader", {}).get("grade")}  # fmt: skip
    assert points == {"heart_share-1": 6, "heart_share-2": 3}
    text = "\n".join(cell.source for cell in nb.cells)
    assert (
        "(6 points)" in text
        and "(2 points)" not in text
        and "Stretch a film" not in text
        and "Name two things" not in text
    )
    assert "### Left out: `normalise`" in text and "checks.normalise(normalise)\n" not in text
    guide = (course.solutions / LAB / "guide.md").read_text(encoding="utf-8")
    assert "`heart_share`" in guide and "`normalise`" not in guide
    with zipfile.ZipFile(zipped) as archive:
        assert not [name for name in archive.namelist() if NAME in name]

    executed, failures = run_all(course, path)
    assert surprises(executed, failures) == []
    shown = [output for cell in executed.cells for output in cell.get("outputs", ()) if "picture" in str(output)]
    assert len(shown) == 1 and "`normalise` is not part of this course" in str(shown)

    rows = prove.prove_lab(load_lab(course.solutions / LAB), seeds=2, course=course)
    assert {row.exercise for row in rows} == {"heart_share"} and all(row.ok for row in rows)


def test_what_is_left_out_stays_secret(tmp_path):
    """Another class may keep the exercise: its answer is still searched for in every release."""
    course = course_with(tmp_path, '[lab.01]\ndrop = ["normalise"]\n')
    source = course.solutions / LAB / f"{LAB}.py"
    with open(source, "a", encoding="utf-8") as file:
        reference = load_lab(course.solutions / LAB, whole=True).exercise("normalise").reference
        file.write('\n# %% tags=["demo"]\n' + reference.replace("def normalise", "def helper"))
    with pytest.raises(LeakError, match="normalise"):
        release.run(course)


@pytest.mark.kernel
def test_labs_points_and_weights_from_the_release_to_the_export(tmp_path):
    course = course_with(
        tmp_path,
        '[weights]\n1 = 75\nsecond = 25\n[lab.02]\ndrop = ["heart_share", "what_enlarges"]\n[lab.02.points]\nnormalise-1 = 1\n',
        labs=2,
    )
    release.run(course, make_zip=False)
    hand_ins = tmp_path / "handed-in"
    for student, labs in {"ada": (LAB, SECOND), "bo": (LAB,)}.items():
        for lab in labs:
            folder = hand_ins / student
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(course.notebooks / lab / f"{lab}.ipynb", folder / f"{lab}.ipynb")
            answer(folder / f"{lab}.ipynb", **ANSWERS)
    collect.run(course, hand_ins, console=Console(quiet=True))
    for lab in ("01", "02"):
        grade.run(course, lab, console=Console(quiet=True))
    export.run(course, out=tmp_path / "grades.csv", console=Console(quiet=True))
    rows = {(row["lab"], row["student"], row["exercise"]): row
            for row in csv.DictReader(io.StringIO((tmp_path / "grades.csv").read_text(encoding="utf-8-sig")))}  # fmt: skip
    assert rows[LAB, "ada", "TOTAL"]["points"] == "3" and rows[LAB, "ada", "TOTAL"]["max"] == "8"
    assert rows[SECOND, "ada", "TOTAL"]["points"] == "2" and rows[SECOND, "ada", "TOTAL"]["max"] == "2"
    # 3 of 8 points at 75 percent, 2 of 2 at 25; the written answer was left blank, which is known to be 0
    assert rows["COURSE", "ada", "TOTAL"]["points"] == "53.125" and rows["COURSE", "ada", "TOTAL"]["max"] == "100"
    assert rows["COURSE", "bo", "TOTAL"]["points"] == "" and rows["COURSE", "bo", "TOTAL"]["status"] == "not submitted"
    page = class_report.run(course, "01", console=Console(quiet=True)).read_text(encoding="utf-8")
    assert "75 percent of the course" in page

    # A lab that is no longer offered is in no table, and its results are kept.
    (course.root / NAME).write_text('labs = ["02"]\n', encoding="utf-8")
    assert {row["lab"] for row in export.table(course)} == {SECOND}
    with pytest.raises(AutograderError, match=r"01_tiny is not part of this course: course\.toml offers 02_second"):
        grade.run(course, "01", console=Console(quiet=True))
    assert list((course.submitted / "ada").iterdir()) and [lab.name for lab in course.folders()] == [SECOND]


def test_points_of_a_written_answer_are_in_its_task_and_its_rubric(tmp_path):
    course = course_with(tmp_path, "[lab.01.points]\nwhat_enlarges = 5\n")
    lab = load_lab(course.solutions / LAB)
    cell = next(cell for cell in lab.sources[LAB] if cell.is_manual)
    assert lab.points == 11 and cell.source.startswith("**Reflect** (5 points).")
    assert "adds up to 2; in this course the answer has 5 points: multiply by 2.5" in cell.source
    build(course)


def test_a_proof_does_not_outlive_a_change_of_course_toml(tmp_path):
    course = course_with(tmp_path, "")
    folder = course.solutions / LAB
    proofs.keep(course, folder, True)
    assert proofs.holds(course, folder)
    (course.root / NAME).write_text("[lab.01.points]\nnormalise = 4\n", encoding="utf-8")
    assert not proofs.holds(course, folder)


def test_a_lab_that_is_left_out_leaves_the_zip_and_is_named_if_it_stays_in_notebooks(tmp_path):
    course = course_with(tmp_path, "", labs=2)
    release.run(course)
    (course.root / NAME).write_text('labs = ["02"]\n', encoding="utf-8")
    said = io.StringIO()
    with zipfile.ZipFile(release.run(course, console=Console(file=said, width=200))) as archive:
        names = archive.namelist()
    assert any(SECOND in name for name in names) and not any(LAB in name for name in names)
    assert f"still in notebooks/: {LAB}." in said.getvalue()


@pytest.mark.parametrize(
    ("points", "shares"),
    [(6, (4, 2)), (1.5, (1, 0.5)), (5, (3.25, 1.75)), (4, (2.75, 1.25)), (0.1, (0.07, 0.03)), (3.33, (2.22, 1.11))],
)
def test_checks_share_points_so_that_the_sum_is_exact(tmp_path, points, shares):
    """The old points are 2 and 1."""
    course = course_with(tmp_path, f"[lab.01]\ntotal = {points + 5}\npoints = {{ normalise = {points} }}\n")
    lab = load_lab(course.solutions / LAB)
    assert tuple(cell.points for cell in lab.exercise("normalise").cells) == shares
    build(course)  # refuses a comment that states other points than the metadata


REFUSED = {
    'labs = ["03"]': "there is no lab '03'. Labs: 01_tiny, 02_second",
    'labs = ["secnd"]': "there is no lab 'secnd'",
    "labs = []": "the list is empty",
    'labs = "01"': "expected a list of names in quotation marks",
    'labs = ["01", "tiny", "01_tiny"]': "01_tiny appears more than once",
    'lab = ["01"]': "expected a table",
    'lessons = ["01"]': "unknown entry `lessons`",
    "labs = [": "invalid TOML",
    "[weights]\n01 = 100": "no weight for 02_second. Write 0 for a lab that does not count",
    "[weights]\n01 = 60\n02 = 30": "expected weights that add up to 100 percent, got 90",
    "[weights]\n01 = 60\ntiny = 40\n02 = 0": "01_tiny has two weights",
    "[weights]\n01 = -10\n02 = 110": "`01`: expected a number, 0 or more, got -10",
    "[weights]\n01 = nan\n02 = 100": "expected a number, 0 or more, got nan",
    "[weights]\n01 = true\n02 = 100": "expected a number, 0 or more, got True",
    'labs = ["02"]\n[weights]\n01 = 50\n02 = 50': "01_tiny is not among `labs`",
    'labs = ["02"]\n[lab.01]\ntotal = 8': "01_tiny is not among `labs`, so this table has no effect",
    "[lab.01]\ntotal = 8\n[lab.tiny]\ntotal = 8": "[lab.01] already describes 01_tiny",
    "[lab.01]\nleave_out = []": "unknown entry `leave_out`",
    '[lab.01]\ndrop = ["normalize"]': "this lab has no exercise `normalize`. Did you mean normalise",
    '[lab.01]\ndrop = ["normalise-1"]': "this lab has no exercise `normalise-1`",
    '[lab.01]\ndrop = ["normalise", "normalise"]': "normalise appears more than once",
    '[lab.01]\ndrop = ["normalise", "heart_share", "what_enlarges"]': "every exercise is left out. Leave out the lab instead",
    '[lab.01]\ndrop = ["normalise"]\npoints = { normalise-1 = 2 }': "`normalise` is left out by `drop`",
    "[lab.01.points]\nnormalise = 3\nnormalise-2 = 1": "both `normalise` and its check `normalise-2` have points",
    "[lab.01.points]\nnormalise-3 = 3": "this lab has no exercise `normalise-3`",
    "[lab.01.points]\nnormalise = 0": "`normalise` has 0 points. Leave it out with `drop`",
    '[lab.01.points]\nnormalise = "3"': "expected a number, 0 or more, got '3'",
    "[lab.01.points]\nnormalise = 1e300": "`normalise`: expected at most 1,000",
    "[lab.01.points]\nnormalise = inf": "`normalise`: expected at most 1,000",
    f"[lab.01.points]\nnormalise = {'9' * 400}": "`normalise`: expected at most 1,000",
    f"[lab.01.points]\nnormalise = {'9' * 5000}": "cannot be read (ValueError)",
    f"labs = {'[' * 5000}": "cannot be read (RecursionError)",
    "[lab.01.points]\nnormalise = 0.01": "0.01 points are too few for 2 checks",
    "[lab.01.points]\nnormalise = 3.123": "`normalise`: expected at most two decimals",
    "[lab.01.points]\nwhat_enlarges = 3.0000000001": "`what_enlarges`: expected at most two decimals",
    "[lab.01]\ntotal = 10\npoints = { normalise = 4 }": "`total` is 10, but the points add up to 9",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:60])
def test_what_does_not_add_up_is_refused_before_anything_is_written(tmp_path, text):
    course = course_with(tmp_path, text, labs=2)
    for command in (build, release.run):
        with pytest.raises(AutograderError) as refused:
            command(course)
        assert str(refused.value).startswith(NAME) and REFUSED[text] in str(refused.value)
    assert not list(course.root.rglob("*.ipynb"))


def test_a_file_saved_with_a_byte_order_mark_is_read(tmp_path):
    course = course_with(tmp_path, "", labs=2)
    (course.root / NAME).write_bytes(b"\xef\xbb\xbflabs = ['02']\r\n")
    assert [folder.name for folder in course.folders()] == [SECOND]


def hand_in(course, folder, student):
    folder = folder / student
    folder.mkdir(parents=True)
    shutil.copy(course.notebooks / LAB / f"{LAB}.ipynb", folder)
    path = folder / f"{LAB}.ipynb"
    words = {"what_enlarges": "The AP view, and poor inspiration."}
    answer(path, **ANSWERS, **(words if "what_enlarges" in path.read_text(encoding="utf-8") else {}))
    collect.run(course, folder.parent, console=Console(quiet=True))


def graded_with_a_manual_grade(folder) -> LabCourse:
    """A released lab that ada handed in; her written answer got 2 of 2 points in formgrader."""
    course = course_with(folder, "")
    release.run(course, make_zip=False)
    hand_in(course, folder / "first", "ada")
    grade.run(course, "01", console=Console(quiet=True))
    with gradebook.opened(course) as book:
        book.find_grade("what_enlarges", LAB, LAB, "ada").manual_score = 2
        book.db.commit()
    return course


@pytest.mark.kernel
def test_an_exercise_is_left_out_after_a_class_was_graded(tmp_path):
    """Those who handed in before keep their exercises and marks, manual ones too; the others get the new version."""
    course = graded_with_a_manual_grade(tmp_path)

    (course.root / NAME).write_text('[lab.01]\ndrop = ["heart_share", "what_enlarges"]\n', encoding="utf-8")
    said = io.StringIO()
    grade.run(course, "01", console=Console(file=said, width=300))
    assert "course.toml has changed since 01_tiny was released as 01-r1. Run: autograder release 01" in said.getvalue()
    with pytest.raises(AutograderError, match="autograder release 01 --next"):
        release.run(course, ["01"], make_zip=False)
    release.run(course, ["01"], next_version=True, make_zip=False)
    hand_in(course, tmp_path / "second", "bo")
    grade.run(course, "01", console=Console(quiet=True))
    rows = {(row["student"], row["exercise"]): (row["points"], row["max"]) for row in export.table(course)}
    assert rows["ada", "what_enlarges"] == (2, 2) and rows["ada", "TOTAL"] == (5, 8)
    assert rows["bo", "TOTAL"] == (3, 3) and ("bo", "heart_share") not in rows


@pytest.mark.kernel
def test_points_of_an_answer_that_was_graded_manually_do_not_change(tmp_path):
    course = graded_with_a_manual_grade(tmp_path)
    (course.root / NAME).write_text("[lab.01.points]\nwhat_enlarges = 1\n", encoding="utf-8")
    with pytest.raises(AutograderError, match="has 1 points now, but 1 manual grade in the gradebook .* out of 2"):
        release.run(course, ["01"], next_version=True, make_zip=False)
    assert course.current_version(LAB) == "01-r1"


def test_a_weight_for_a_lab_without_points_is_refused_by_the_export_too(tmp_path):
    course = course_with(tmp_path, "[weights]\n01 = 100\n")
    record = Record(lab=LAB, student="ada", status=GRADED)  # of a lab without points: 0 of 0
    RecordStore(course.state).save(record)
    with pytest.raises(AutograderError, match="01_tiny has no points, so its weight must be 0"):
        export.table(course)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    course = course_with(tmp_path, "")
    (course.root / NAME).write_bytes(b"labs = ['\xff']")
    with pytest.raises(AutograderError, match=r"course\.toml: not valid UTF-8"):
        course.folders()
