"""Grade records: what is written can be read, and ungraded never becomes 0."""

import io

import pytest
from rich.console import Console

from autograder.errors import AutograderError
from autograder.record.gradebook import Mark, standing
from autograder.record.records import FAILED, GRADED, CellGrade, ManualGrade, Record, RecordStore
from autograder.remarks import About, Remark
from autograder.report.tables import show_marks, show_reasons


def record(**more):
    cells = [CellGrade("a-1", "a", "nb", "first", 2, 2.0, True), CellGrade("a-2", "a", "nb", "second", 1)]
    return Record("01_tiny", "ada", FAILED, 2, "why", cells=cells, manual=[ManualGrade("words", "nb", 3)], **more)


def test_a_record_comes_back_as_it_was_written(tmp_path):
    store = RecordStore(tmp_path)
    written = record(resources={"seconds": 1.5})
    written.end(FAILED, [Remark(About.NO_JSON, "größer.ipynb", line=3)])
    written.note([Remark(About.NOT_OF_THE_LAB, names=("a", "b"), found=2), Remark(About.DOUBLE, "a-1")] * 2)
    store.save(written)
    assert store.load("01_tiny", "ada") == written
    assert written.flags == [
        "not part of the lab and not graded: a, b",
        "a-1 appears more than once; the last one counts",
    ]
    assert written.reason.startswith("größer.ipynb is not a notebook: it is not valid JSON (line 3).")
    assert [path.name for path in store.folder.rglob("*") if path.is_file()] == ["ada.json"]  # nothing half-written


def test_a_sum_over_an_ungraded_cell_is_unknown():
    assert record().points is None
    assert record().pending == 3
    assert str(standing(record(), {})) == "- of 6"
    assert Record("01_tiny", "ada").points is None


def test_a_sum_says_what_a_person_has_still_to_mark_and_takes_what_a_person_gave():
    given = record()
    given.status, given.cells[1].points = GRADED, 1.0
    assert str(standing(given, {})) == "3 of 6, 3 to mark by hand"
    by_hand = {("ada", "nb", "words"): Mark(2.5, 0.0, False, 3.0), ("ada", "nb", "a-2"): Mark(0.0, 0.5, False, 1.0)}
    assert str(standing(given, by_hand)) == "5 of 6"
    console = Console(file=io.StringIO(), width=100)
    show_marks(console, [given], "marks")
    show_reasons(console, [given])
    said = console.file.getvalue()
    assert said.count("3 of 6, 3 to mark by hand") == 2


def test_a_record_from_before_a_field_was_added_can_be_read():
    old = '{"lab": "01_tiny", "student": "ada", "status": "graded", "cells": [%s]}'
    cell = (
        '{"id": "a-1", "exercise": "a", "notebook": "nb", "statement": "first", "max": 2, "points": 2, "passed": true}'
    )
    [read] = Record.from_json(old % cell).cells
    assert (read.points, read.outside, read.seed) == (2, True, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"lab": "01',
        "[]",
        '{"lab": "a", "student": "b", "status": "fine"}',
        '{"lab": "a", "student": "b", "status": "failed", "reasons": [{"about": "x"}]}',
    ],
)
def test_a_damaged_record_is_named_and_kept(tmp_path, text):
    store = RecordStore(tmp_path)
    path = store.path("01_tiny", "ada")
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AutograderError, match=r"ada\.json.*autograder grade 01"):
        store.load("01_tiny", "ada")
    assert path.read_text(encoding="utf-8") == text
