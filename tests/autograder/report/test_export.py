"""The export: every row has a status, what is not graded is empty, and no cell is a formula."""

import copy
import csv
import dataclasses

import pytest
from graded_class import LAB, graded_class
from rich.console import Console

from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError
from autograder.record.records import NEEDS_ATTENTION, RecordStore
from autograder.report import export

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    out = tmp_path_factory.mktemp("export") / "grades.csv"
    export.run(graded_class().course, out=out, console=Console(quiet=True))
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")  # spreadsheets then read it as UTF-8
    with open(out, encoding="utf-8-sig", newline="") as file:
        return {(row["student"], row["exercise"]): row for row in csv.DictReader(file)}


def test_sums_and_exercises_are_the_records(rows):
    assert rows["perfect", "TOTAL"]["points"] == "6" and rows["perfect", "TOTAL"]["max"] == "8"
    assert rows["blank", "TOTAL"]["points"] == "0" and rows["blank", "TOTAL"]["status"] == "graded"
    assert rows["leaky", "normalise"]["points"] == "0" and rows["leaky", "heart_share"]["points"] == "3"


def test_ungraded_is_empty_and_says_why(rows):
    assert rows["webpage", "TOTAL"]["points"] == "" and rows["webpage", "TOTAL"]["status"] == "failed"
    assert rows["webpage", "TOTAL"]["reason"]


def test_half_graded_has_the_marks_of_that_half_and_no_total():
    record = copy.deepcopy(graded_class().records["perfect"])
    record.status, record.reason = NEEDS_ATTENTION, "There was no time left."
    for cell in record.cells[2:]:
        cell.points = cell.passed = None
    normalise, heart_share, _, total = export._rows(record, {})
    assert normalise["points"] == 3 and heart_share["points"] is None and total["points"] is None


def test_points_still_to_be_given_by_hand_have_a_column(rows):
    assert rows["leaky", "what_enlarges"]["points"] == "" and rows["leaky", "TOTAL"]["to_mark_by_hand"] == "2"
    assert rows["blank", "TOTAL"]["to_mark_by_hand"] == "0"  # nothing was written


def test_no_record_is_no_zero(tmp_path):
    (tmp_path / "solutions" / LAB).mkdir(parents=True)
    (tmp_path / "submitted" / "ada" / LAB).mkdir(parents=True)
    [row] = export.table(LabCourse(tmp_path))
    assert (row["status"], row["points"]) == ("not graded", None)


@pytest.mark.parametrize(
    "text",
    ['=HYPERLINK("http://x","y")', "+1+1", "-2", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n=cmd|' /C calc'!A0", "＝1+1",
     " ＋1", "－2", "＠SUM(A1)", "−2", "\u200b=1", "\ufeff =1", "\u202e+1", "\x00=1", "\x1b[1m"],
)  # fmt: skip
def test_formulas_are_neutralised(text):
    assert export.neutral(text) == f"'{text}"
    assert export.neutral("ada-lovelace (=1)") == "ada-lovelace (=1)"
    assert (
        export.neutral("") == "" and export.neutral("\u200f\u05d0\u05d3\u05d4") == "\u200f\u05d0\u05d3\u05d4"
    )  # a Hebrew name


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("ana;=HYPERLINK(1)", "ana;'=HYPERLINK(1)"),
        ("a\t+1", "a\t'+1"),
        ("a| \u200b@x", "a| \u200b'@x"),
        ("a\r\n-1;-2", "a\r\n'-1;'-2"),
        ("=1;=2", "'=1;'=2"),
        ('x, "=1"; \uff1d2', "x, \"'=1\"; '\uff1d2"),
        ("one-two; three+four", "one-two; three+four"),
    ],
)
def test_formulas_are_neutralised_after_every_separator(text, escaped):
    assert export.neutral(text) == escaped


def test_a_reason_with_a_formula_quotes_and_lines_stays_one_quoted_cell(tmp_path):
    record = dataclasses.replace(
        graded_class().records["webpage"], student="=cmd", reason='=HYPERLINK("x")\nsecond, "line"', flags=["+1"]
    )
    (tmp_path / "solutions" / LAB).mkdir(parents=True)
    course = LabCourse(tmp_path)
    RecordStore(course.state).save(record)
    out = export.run(course, out=tmp_path / "deep" / "grades.csv", console=Console(quiet=True))
    with open(out, encoding="utf-8-sig", newline="") as file:
        read = list(csv.DictReader(file))
    assert read[-1]["student"] == "'=cmd" and read[-1]["reason"] == '\'=HYPERLINK("x")\nsecond, "line"'
    assert read[-1]["flags"] == "'+1" and read[-1]["points"] == ""


def test_nothing_to_export_names_the_next_command(tmp_path):
    (tmp_path / "solutions").mkdir()
    with pytest.raises(AutograderError, match="autograder collect"):
        export.run(LabCourse(tmp_path), out=tmp_path / "grades.csv", console=Console(quiet=True))
