"""Grade records: what is written can be read, and ungraded never becomes 0."""

import pytest

from autograder.errors import AutograderError
from autograder.records import FAILED, CellGrade, ManualGrade, Record, RecordStore


def record(**more):
    cells = [CellGrade("a-1", "a", "nb", "first", 2, 2.0, True), CellGrade("a-2", "a", "nb", "second", 1)]
    return Record("01_tiny", "ada", FAILED, 2, "why", cells=cells, manual=[ManualGrade("words", "nb", 3)], **more)


def test_a_record_comes_back_as_it_was_written(tmp_path):
    store = RecordStore(tmp_path)
    store.save(record(flags=["größer"], resources={"seconds": 1.5}))
    assert store.load("01_tiny", "ada") == record(flags=["größer"], resources={"seconds": 1.5})
    assert [path.name for path in store.folder.rglob("*") if path.is_file()] == ["ada.json"]  # nothing half-written


def test_a_sum_over_an_ungraded_cell_is_unknown():
    assert record().points is None
    assert record().pending == 3
    assert Record("01_tiny", "ada").points is None


@pytest.mark.parametrize("text", ["", '{"lab": "01', "[]", '{"lab": "a", "student": "b", "status": "fine"}'])
def test_a_damaged_record_is_named_and_kept(tmp_path, text):
    store = RecordStore(tmp_path)
    path = store.path("01_tiny", "ada")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(AutograderError, match=r"ada\.json.*autograder grade 01"):
        store.load("01_tiny", "ada")
    assert path.read_text() == text
