"""The class report: right numbers where marks are unknown, given by hand or worth nothing, and every text escaped."""

import json
import time
from html.parser import HTMLParser

import pytest
from rich.console import Console

from autograder.check.protocol.verdict import Cause, Finding
from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError
from autograder.record.gradebook import Mark
from autograder.record.records import FAILED, GRADED, NEEDS_ATTENTION, CellGrade, ManualGrade, Record, RecordStore
from autograder.record.sentences import tell
from autograder.report import class_report

LAB = "01_tiny"
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"


def record(student, one, two, status=GRADED, bonus=True, words=None, **more):
    """A submission with two properties of `stretch` (2 and 1 points), one bonus property and an answer in words (2)."""
    cells = [
        CellGrade(key, exercise, "nb", f"property {key}", most, None if held is None else most * held, held)
        for key, exercise, most, held in [
            ("stretch-1", "stretch", 2.0, one), ("stretch-2", "stretch", 1.0, two), ("extra-1", "extra", 0.0, bonus),
        ]
    ]  # fmt: skip
    for cell in cells:
        tell(cell, Finding(Cause.PASSED) if cell.passed else Finding(Cause.PROPERTY, text=f"{cell.exercise}: no."))
    manual = [ManualGrade("words", "nb", 2.0, words)]
    return Record(LAB, student, status, cells=cells, manual=manual, unsafe=True, **more)


@pytest.fixture
def records():
    return [
        record("ada", True, True),
        record("bo", True, False, bonus=False, words=0.0),
        record("cy", False, False, bonus=False),
        record("di", True, None, NEEDS_ATTENTION, reason="The kernel died."),
        record("eve", None, None, FAILED, bonus=None, reason="A web page."),
    ]


def by_key(rows, name="key"):
    return {row[name]: row for row in rows}


def test_what_is_not_known_is_in_no_number_and_is_counted_beside_it(records):
    facts = class_report.summary(LAB, records, {}, ["fay"])
    assert facts["submissions"] == 6
    assert dict(facts["states"]) == {"graded": 3, "failed": 1, "needs-attention": 1, "not graded": 1}
    marks = facts["marks"]
    assert (marks["known"], marks["mean"], marks["median"], marks["max"]) == (3, "1.7", "2", "5")  # of 3, 2 and 0
    assert {bar["label"]: bar["count"] for bar in marks["bars"]} == {"0": 1, "1": 0, "2": 1, "3": 1, "4": 0, "5": 0}
    assert set(marks["unknown"].split(", ")) == {"1 failed", "1 needs-attention", "1 not graded"}
    assert (marks["rising"], marks["by_hand"]) == (2, "4")
    stretch, extra = by_key(facts["exercises"]).values()
    assert (stretch["count"], stretch["mean"], stretch["all"], stretch["none"]) == (3, "1.7", "33 % (1)", "33 % (1)")
    assert (extra["max"], extra["mean"], extra["all"], extra["none"]) == ("bonus", "-", "50 % (2)", "50 % (2)")
    passed = {row["statement"]: (row["passed"], row["count"]) for row in facts["properties"]}
    assert passed["property stretch-1"] == ("75 % (3)", 4) and passed["property stretch-2"] == ("33 % (1)", 3)
    [words] = facts["answers"]
    assert (words["count"], words["waiting"], words["open_points"], words["none"]) == (1, 3, "6", "100 % (1)")
    assert {row["student"]: row["mark"] for row in facts["everybody"]["rows"]} == {
        "ada": "3 of 5, 2 to mark by hand", "bo": "2 of 5", "cy": "0 of 5, 2 to mark by hand", "di": "-", "eve": "-", "fay": "-",
    }  # fmt: skip


def test_what_a_person_gave_goes_before_what_was_graded(records):
    marks = {
        ("bo", "nb", "stretch-2"): Mark(1.0, 0.0, False, 1.0),  # a person found it right after all
        ("ada", "nb", "words"): Mark(1.5, 0.5, False, 2.0),  # with extra credit
        ("ada", "nb", "stretch-1"): Mark(0.5, 0.0, False, 2.0),
    }
    facts = class_report.summary(LAB, records, marks)
    assert {row["student"]: row["mark"] for row in facts["everybody"]["rows"]}["ada"] == "3.5 of 5"
    assert facts["marks"]["highest"] == "3.5" and facts["marks"]["rising"] == 1
    [stretch] = [row for row in facts["exercises"] if row["key"] == "stretch"]
    assert (stretch["all"], stretch["mean"]) == ("33 % (1)", "1.5")  # bo now, and ada no longer
    [told] = [row for row in facts["messages"]["rows"] if row["exercise"] == "stretch"]
    assert told["who"]["shown"] == ["cy"] and told["count"] == 1  # not di, whose second property is not judged


def test_messages_are_counted_by_student_and_cases_and_costs_are_named(records):
    records[0].flags, records[0].unsafe = ["stretch-1 is locked and was changed"], False
    records[1].cells[0].outside = False
    records[2].resources = {"seconds": 71.2, "cpu_seconds": 60.0, "peak_mb": 1433.0, "kernels": 3}
    records[1].resources = {"seconds": 12.0}
    facts = class_report.summary(LAB, records, {})
    [told, _] = facts["messages"]["rows"]
    assert told["count"] == 2 and told["who"]["shown"] == ["bo", "cy"]  # cy lost two properties for one reason
    assert [(row["student"], row["why"]) for row in facts["cases"]["rows"]] == [
        ("eve", ["A web page."]), ("di", ["The kernel died."]), ("ada", ["stretch-1 is locked and was changed"]),
    ]  # fmt: skip
    assert facts["unsafe"]["shown"] == ["bo", "cy", "di"] and not facts["all_unsafe"]  # eve's code never ran
    assert [(row["statement"], row["who"]["shown"]) for row in facts["inside"]] == [("property stretch-1", ["bo"])]
    assert [tuple(row.values()) for row in facts["slowest"]] == [
        ("cy", "71", "60", "1,433", "3"), ("bo", "12", "-", "-", "-"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("points", "most", "expected"),
    [([8.0, 0.0], 8.0, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]), ([30.0, 3.0], 31.0, ["0–1", "2–3", "4–5"]),
     ([30.5], 31.0, ["0–<2", "2–<4"]), ([0.3], 0.7, ["0–<0.1", "0.1–<0.2", "0.2–<0.3", "0.3–<0.4"]), ([120.0], 100.0, ["0–9"]),
     ([17.0, -1.0], 17.0, ["0–1", "2–3"])],
)  # fmt: skip
def test_every_mark_is_in_one_bar_and_full_marks_are_in_the_last(points, most, expected):
    bars = class_report._bars(sorted(points), most)
    assert [bar["label"] for bar in bars][: len(expected)] == expected
    assert sum(bar["count"] for bar in bars) == len(points) and len(bars) <= class_report.BARS + 1
    if max(points) >= most:
        assert bars[-1]["count"] == 1
    assert all(0 <= bar["height"] <= class_report.HEIGHT for bar in bars)


class Page(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.elements, self.attributes, self.text = set(), set(), ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


def test_every_text_is_escaped(records):
    for one in records:
        one.student, one.reason, one.flags, one.release = one.student + HOSTILE, HOSTILE, [HOSTILE], HOSTILE
        one.resources, one.manual[0].id = {"seconds": 1.0}, HOSTILE
        for cell in one.cells:
            cell.exercise, cell.statement, cell.message, cell.outside = (
                HOSTILE,
                HOSTILE,
                cell.message and HOSTILE,
                False,
            )
    page = Page(class_report.render(class_report.summary(HOSTILE, records, {}, [HOSTILE])))
    assert page.elements.isdisjoint({"script", "img", "a", "link", "iframe", "object", "form"})
    assert not {name for name in page.attributes if name.startswith("on") or name in ("src", "href")}
    assert page.text.count("alert(2)>") > 30


def test_a_lab_without_points_and_a_class_without_marks_are_said_to_be_that(records):
    assert "No marks yet." in class_report.render(class_report.summary(LAB, records[3:], {}))
    free = record("ada", True, True)
    free.cells, free.manual = free.cells[2:], []
    assert "This lab gives no points." in class_report.render(class_report.summary(LAB, [free], {}))


def test_a_thousand_submissions_make_a_small_page_soon():
    many = [record(f"student-{n:04d}", n % 3 > 0, n % 2 > 0, flags=["changed"]) for n in range(1000)]
    for n, one in enumerate(many):
        if n % 3 == 0:
            tell(one.cells[0], Finding(Cause.PROPERTY, text=f"stretch: message {n}"))
    begun = time.perf_counter()
    html = class_report.render(class_report.summary(LAB, many, {}))
    assert time.perf_counter() - begun < 5 and len(html) < 1_000_000
    assert "and 800 more" in html and "student-0999" in html  # lists are cut, the table of all is not


def test_the_page_is_written_and_the_next_command_is_named(tmp_path, records):
    (tmp_path / "solutions" / LAB).mkdir(parents=True)
    (tmp_path / "submitted" / "fay" / LAB).mkdir(parents=True)
    course = LabCourse(tmp_path)
    with pytest.raises(AutograderError, match="autograder grade 01"):
        class_report.run(course, "01", Console(quiet=True))
    for one in records:
        RecordStore(course.state).save(one)
    path = class_report.run(course, "01", Console(quiet=True))
    assert path == tmp_path / "reports" / f"{LAB}.html"
    assert "3 of 6 submissions have a mark" in path.read_text(encoding="utf-8")


def asks(trust, looks_at, tag="poll-before"):
    source = f"before = {{'trust': {trust!r}, 'looks_at': {looks_at!r}}}\npoll.keep('before', before)"
    return {"cell_type": "code", "metadata": {"tags": [tag]}, "source": source, "outputs": [], "execution_count": None}


def notebook(*cells):
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_the_answers_to_a_poll_stand_beside_those_of_the_paper(tmp_path, records):
    (tmp_path / "solutions" / LAB).mkdir(parents=True)
    (tmp_path / "solutions" / LAB / "nb.ipynb").write_text(
        notebook(asks("", ""), asks("", "", "poll-after")), encoding="utf-8"
    )
    trap = tmp_path / "ran"
    for student, text in {
        "ada": notebook(asks("a", "?"), asks("b", "d", "poll-after")),
        "bo": notebook(asks("a", "d"), {"cell_type": "code", "source": 3, "metadata": {"tags": 7}}),
        "cy": notebook(asks("zz", "d"), asks("", "d", "poll-after")),
        "di": "no notebook",
        "eve": notebook(asks("a", "a") | {"source": f"open({str(trap)!r}, 'w')\nbefore = {{'trust': print}}"}),
    }.items():
        (tmp_path / "submitted" / student / LAB).mkdir(parents=True)
        (tmp_path / "submitted" / student / LAB / "nb.ipynb").write_text(text, encoding="utf-8")
    (tmp_path / "submitted" / "link").symlink_to(tmp_path / "submitted" / "ada")
    course = LabCourse(tmp_path)
    found = class_report.polls(course, LAB)
    assert len(found) == 5 and not trap.exists()
    trusts, names = class_report.summary(LAB, records, {}, answers=found)["poll"]
    assert (trusts["before"], trusts["after"]) == ("2 of 2", "0 of 1")
    assert (trusts["paper_before"], trusts["paper_after"]) == ("10 of 27", "3 of 27")
    assert (names["before"], names["after"]) == ("1 of 2", "2 of 2")
    assert (names["paper_before"], names["paper_after"]) == ("12 of 27", "25 of 27")
    page = Page(class_report.render(class_report.summary(LAB, records, {}, answers=found)))
    assert "Would you trust this network?" in page.text and "10 of 27" in page.text


def test_a_lab_without_a_poll_has_no_table_of_one(tmp_path, records):
    (tmp_path / "solutions" / LAB).mkdir(parents=True)
    (tmp_path / "solutions" / LAB / "nb.ipynb").write_text(
        notebook({"cell_type": "code", "metadata": {}, "source": ""}), encoding="utf-8"
    )
    (tmp_path / "submitted" / "ada" / LAB).mkdir(parents=True)
    assert class_report.polls(LabCourse(tmp_path), LAB) == []
    assert "Would you trust" not in class_report.render(class_report.summary(LAB, records, {}))
