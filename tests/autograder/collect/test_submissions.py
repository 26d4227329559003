"""Folders and files in `submitted/` that are named or filled as no hand-in of ours would be."""

from __future__ import annotations

import json
import os

import pytest

from autograder.collect import submissions
from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError
from data_fetch.store.atomic import write_atomically


@pytest.mark.parametrize(
    "claimed", ["01-r" + "1" * 5_000, "01-r1/../x", "01-r\0", "02-r1", ["01-r1"], "01-rx", "01-r9"]
)
def test_a_claimed_release_that_is_none_is_the_current_one(tmp_path, claimed):
    folder = tmp_path / "submitted" / "a" / "01_x"
    folder.mkdir(parents=True)
    (folder / "submission.json").write_text(json.dumps({"release": claimed}), encoding="utf-8")
    (tmp_path / "solutions" / "01_x").mkdir(parents=True)
    (tmp_path / "solutions" / "01_x" / "release.toml").write_text("version = 3\n", encoding="utf-8")
    assert submissions.version(LabCourse(tmp_path), folder, "01_x") == "01-r3"


def test_names_that_no_record_can_have_are_left_out_and_told(tmp_path):
    (tmp_path / "solutions").mkdir()
    course = LabCourse(tmp_path)
    for name in (b"good", b"\xff\xfe", b"a\nb", b"*", b"n" * 201, b"n" * 200):
        os.makedirs(os.path.join(os.fsencode(course.submitted), name, b"01_x"))
    assert submissions.students(course, "01_x") == ["good", "n" * 200]
    with pytest.raises(AutograderError, match=r"4 folders .* All others are graded"):
        submissions.refuse_names(course, "01_x")
    path = tmp_path / f"{'n' * 200}.json"
    write_atomically(path, "x")
    assert path.read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize(("stated", "number"), [("3", 3), ("1e309", 0), ("1" + "0" * 4_000, 0), ("-1", 0), ("[1]", 0)])
def test_a_number_of_the_hand_in_that_cannot_be_is_none(tmp_path, stated, number):
    folder = tmp_path / "submitted" / "a" / "01_x"
    folder.mkdir(parents=True)
    (folder / "submission.json").write_text(f'{{"hand_in": {stated}}}', encoding="utf-8")
    assert submissions.handed_in(folder) == (number, "")
