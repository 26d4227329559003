import json
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from data_fetch import ImageSet
from medxai.lab import boxes


def test_films_are_chosen_by_the_seed_one_a_patient():
    rng = np.random.default_rng(0)
    labels, patients = rng.integers(0, 2, 200), rng.integers(0, 60, 200)
    rows = boxes.choose(labels, patients, 20, seed=3)
    assert len(rows) == len(set(patients[rows])) == 20 and labels[rows].all()
    assert np.array_equal(rows, boxes.choose(labels, patients, 20, seed=3))
    assert not np.array_equal(rows, boxes.choose(labels, patients, 20, seed=4))
    assert len(boxes.choose(labels, patients % 5, 20)) == 5  # no more patients than there are


def test_a_file_holds_what_was_written_and_is_the_python_that_goes_into_a_notebook(tmp_path):
    drawn = {2: (10.0, 20.0, 30.5, 40.0), 1: (0.0, 0.0, 100.0, 100.0)}
    path = boxes.write(tmp_path / "my_boxes.txt", drawn)
    assert boxes.read(path) == drawn and list(boxes.read(path)) == [1, 2]
    space = {}
    exec(path.read_text(encoding="utf-8"), space)
    assert space["my_boxes"]() == drawn
    assert [p.name for p in tmp_path.iterdir()] == ["my_boxes.txt"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def my_boxes(:", "cannot be read"),
        ("def my_boxes():\n    return {1: __import__('os').getcwd()}", "cannot be read"),
        ("def my_boxes():\n    return []", "one dict"),
        ("def my_boxes():\n    return {1: (10, 10, 200, 3)}", "per cent"),
        ("def my_boxes():\n    return {1: (10, 10, 0, 3)}", "not a box inside the film"),
        ("def my_boxes():\n    return {1: (10, 10, 3)}", "four numbers"),
    ],
)
def test_what_is_no_file_of_boxes_is_told_and_never_executed(tmp_path, text, said):
    path = tmp_path / "my_boxes.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        boxes.read(path)


def test_a_file_that_is_missing_says_where_boxes_are_drawn(tmp_path):
    with pytest.raises(FileNotFoundError, match="05a"):
        boxes.read(tmp_path / "my_boxes.txt")


def test_boxes_become_the_pixels_whose_centre_they_hold():
    filled = boxes.fill([[25, 50, 50, 25], [0, 0, 100, 100]], (8, 4))
    assert filled.shape == (2, 8, 4) and filled[1].all()
    expected = np.zeros((8, 4), bool)
    expected[4:6, 1:3] = True
    np.testing.assert_array_equal(filled[0], expected)
    np.testing.assert_array_equal(
        boxes.centre_hits([[25, 50, 50, 25]] * 2, np.stack([expected, ~expected])), [True, False]
    )


def test_the_box_around_a_mask_is_the_smallest():
    masks = np.zeros((3, 7, 9), bool)
    masks[0, 2, 3] = masks[0, 5, 6] = True
    masks[1, 6, 8] = True
    around = boxes.around(masks)
    expected = np.zeros((3, 7, 9), bool)
    expected[0, 2:6, 3:7] = expected[1, 6, 8] = True
    np.testing.assert_array_equal(around, expected)


def films(masks=None, known=None) -> ImageSet:
    n = 3
    return ImageSet(
        names=np.array(["a", "b", "c"]), images=np.zeros((n, 10, 20), np.uint8), labels=np.ones(n, np.int64),
        classes=("no", "yes"), patients=np.arange(n), masks=masks, boxes=known, attributes=pd.DataFrame(index=range(n)),
        card=MappingProxyType({}),
    )  # fmt: skip


def test_radiologists_boxes_come_first_then_masks_then_nothing():
    rows = [(1, "Cardiomegaly", 5.0, 2.0, 10.0, 4.0), (1, "Cardiomegaly", 0.0, 0.0, 1.0, 1.0), (2, "Mass", 0, 0, 3, 3)]
    known = pd.DataFrame(rows, columns=["film", "finding", "x", "y", "width", "height"])
    got, filled, origin = boxes.of_films(films(known=known), "Cardiomegaly", "heart")
    assert got.tolist() == [1] and "radiologists" in origin
    expected = np.zeros((10, 20), bool)
    expected[2:6, 5:15] = expected[0, 0] = True
    np.testing.assert_array_equal(filled[0], expected)
    mask = np.zeros((3, 10, 20), bool)
    mask[2, 4, 5:9] = True
    got, filled, origin = boxes.of_films(films(masks=MappingProxyType({"heart": mask})), "Cardiomegaly", "heart")
    assert got.tolist() == [2] and filled.sum() == 4 and "exact mask" in origin
    assert len(boxes.of_films(films(), "Cardiomegaly", "heart")[0]) == 0


def test_the_widget_keeps_its_file_and_goes_on_from_it(tmp_path):
    path, shown = tmp_path / "my_boxes.txt", np.zeros((4, 16, 16), np.uint8)
    widget = boxes.draw(shown, path)
    assert not path.exists() and "Nothing drawn yet" in widget.saved
    widget.boxes = {"3": [10, 20, 30, 40]}  # as the page sets it
    assert boxes.read(path) == {3: (10.0, 20.0, 30.0, 40.0)} and "1 of 4" in widget.saved
    widget.boxes = {"3": [10, 20, 30, 40], "1": [1, 2, 3, 4]}
    assert "1: (1.0, 2.0, 3.0, 4.0)" in widget.text
    again = boxes.draw(shown, path)
    assert sorted(again.boxes) == ["1", "3"] and again.text == widget.text
    json.dumps(again.get_state()["boxes"])
    widget.boxes = {}
    assert boxes.read(path) == {}


def test_a_box_that_cannot_be_kept_is_told(tmp_path):
    widget = boxes.draw(np.zeros((1, 8, 8), np.uint8), tmp_path / "no_such_folder" / "my_boxes.txt")
    widget.boxes = {"1": [1, 2, 3, 4]}
    assert "NOT saved" in widget.saved
    (tmp_path / "bad.py").write_text("nonsense(", encoding="utf-8")
    assert "replaces the file" in boxes.draw(np.zeros((1, 8, 8), np.uint8), tmp_path / "bad.py").saved
    with pytest.raises(ValueError, match="uint8"):
        boxes.draw(np.zeros((1, 8, 8)), tmp_path / "x.py")
