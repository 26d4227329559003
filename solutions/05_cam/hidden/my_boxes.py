"""Hidden check of my_boxes: the boxes are there. Whether they are right is no matter of marks."""

import numpy as np


def my_boxes_1(f, rng):
    """Twenty films have a box with an area inside the film; at least ten of the boxes differ."""
    got = f()
    if not isinstance(got, dict):
        raise AssertionError("the boxes must come as a dict: number of the film, and its box")
    boxes = {}
    for number, box in got.items():
        box = np.asarray(box, float)
        if box.shape != (4,) or not np.isfinite(box).all():
            raise AssertionError("a box is four numbers: x, y, width and height")
        x, y, width, height = box
        if min(x, y) < 0 or min(width, height) <= 0 or max(x + width, y + height) > 100.05:
            raise AssertionError(
                "a box must lie inside the film, in per cent of its sides, with a width and a height above 0"
            )
        boxes[int(number)] = tuple(box.tolist())
    if set(boxes) != set(range(1, 21)):
        raise AssertionError("each of the twenty films must have a box, under its number")
    if len(set(boxes.values())) < 10:
        raise AssertionError("the boxes must be drawn film by film; most of these are one and the same")
