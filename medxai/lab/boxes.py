"""Boxes on films: drawn by a person, given by a radiologist, or put around a mask.

A person's boxes are a dict, number of the film (from 1) -> (x, y, width, height) in **per cent of the film**, x and y the
upper left corner. So a box means the same at every size of the film. They are kept as a few lines of Python,
`my_boxes.txt`, which people can read, type and paste. The file is only parsed, never executed.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from data_fetch import ImageSet

Box = tuple[float, float, float, float]
COMMENT = "# x, y, width, height of each box, in per cent of the film; x and y are the upper left corner."


def choose(labels: np.ndarray, patients: np.ndarray, count: int = 20, seed: int = 0, target: int = 1) -> np.ndarray:
    """Rows of `count` films of one class, drawn by the seed, no two of one patient; fewer where there are fewer patients."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(np.flatnonzero(np.asarray(labels) == target))
    _, first = np.unique(np.asarray(patients)[rows], return_index=True)
    return rows[np.sort(first)][:count]


def draw(films: np.ndarray, path: str | os.PathLike = "my_boxes.txt"):
    """A widget to draw one box on each film, with the mouse or the keyboard. Every change is written to `path` at once.

    films : uint8 (N, H, W), as stored. path : boxes that it holds already are shown, so work can go on another day.
    Returns an ipywidgets widget to display: an `anywidget`. ImportError where that is missing: then type the boxes.
    """
    try:
        from .box_widget import BoxDrawer
    except ImportError as error:
        raise ImportError(
            f"medxai.lab.boxes.draw needs the package {error.name!r}, which is not installed here. Install the course again, or "
            "type your boxes: the films with their rulers are shown in the next cell."
        ) from error
    return BoxDrawer(films, path)


# ---- the file -------------------------------------------------------------------------------------------------------


def as_python(boxes: Mapping[int, Box]) -> str:
    """The boxes as the Python that goes into a notebook: a function without arguments that returns them."""
    lines = [f"        {number}: ({', '.join(f'{v:.1f}' for v in boxes[number])})," for number in sorted(boxes)]
    return "\n".join([COMMENT, "def my_boxes():", "    return {", *lines, "    }", ""])


def write(path: str | os.PathLike, boxes: Mapping[int, Box]) -> Path:
    """Write the boxes, whole or not at all. ValueError for boxes that are none (`check`)."""
    path, text = Path(path), as_python(check(boxes))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def read(path: str | os.PathLike = "my_boxes.txt") -> dict[int, Box]:
    """The boxes that a file holds.

    FileNotFoundError : there is none. ValueError : it does not hold a dict of boxes; nothing in it is executed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path.name} here: draw your boxes first (notebook 05a, section 1).")
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = [ast.literal_eval(n) for n in ast.walk(tree) if isinstance(n, ast.Dict)]
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{path.name} cannot be read: {error}. Draw the boxes again, or mend the line.") from None
    if len(found) != 1:
        raise ValueError(f"{path.name} should hold one dict of boxes, number: (x, y, width, height); got {len(found)}.")
    return check(found[0])


def check(boxes: Mapping[int, Box]) -> dict[int, Box]:
    """The boxes with plain numbers, in the order of the films. ValueError names the first that is none."""
    good: dict[int, Box] = {}
    if not isinstance(boxes, Mapping):
        raise ValueError(f"Expected a dict, number of the film: (x, y, width, height); got {type(boxes).__name__}.")
    for number, box in boxes.items():
        try:
            x, y, width, height = (float(value) for value in box)
        except (TypeError, ValueError):
            raise ValueError(f"Film {number}: expected four numbers (x, y, width, height), got {box!r}.") from None
        inside = x >= 0 and y >= 0 and x + width <= 100.05 and y + height <= 100.05
        if not (width > 0 and height > 0 and inside):
            raise ValueError(
                f"Film {number}: {box} is no box inside the film. Numbers are per cent of its width and height, from 0 to 100; "
                "x + width and y + height are at most 100."
            )
        good[int(number)] = (x, y, width, height)
    return dict(sorted(good.items()))


# ---- boxes as masks -------------------------------------------------------------------------------------------------


def fill(boxes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Boxes (N, 4) in per cent -> bool (N, height, width): the pixels whose centre lies inside. `shape`: (height, width)."""
    boxes = np.asarray(boxes, float).reshape(-1, 4) / 100
    down, across = ((np.arange(side) + 0.5) / side for side in shape)
    x, y, width, height = boxes.T[:, :, None]
    rows, columns = (down >= y) & (down <= y + height), (across >= x) & (across <= x + width)
    return rows[:, :, None] & columns[:, None, :]


def centre_hits(boxes: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Does the centre of each box (N, 4), in per cent, lie in its mask, bool (N, H, W)? bool (N,)."""
    boxes, masks = np.asarray(boxes, float).reshape(-1, 4), np.asarray(masks, bool)
    height, width = masks.shape[1:]
    columns = np.clip((boxes[:, 0] + boxes[:, 2] / 2) / 100 * width, 0, width - 1).astype(int)
    rows = np.clip((boxes[:, 1] + boxes[:, 3] / 2) / 100 * height, 0, height - 1).astype(int)
    return masks[np.arange(len(masks)), rows, columns]


def around(masks: np.ndarray) -> np.ndarray:
    """The smallest upright box around each mask, filled: bool (N, H, W) -> bool (N, H, W). Empty masks stay empty."""
    masks = np.asarray(masks, bool)
    rows, columns = masks.any(axis=2), masks.any(axis=1)

    def between(hit: np.ndarray) -> np.ndarray:
        return np.logical_or.accumulate(hit, axis=1) & np.logical_or.accumulate(hit[:, ::-1], axis=1)[:, ::-1]

    return between(rows)[:, :, None] & between(columns)[:, None, :]


def of_films(films: ImageSet, finding: str, mask: str) -> tuple[np.ndarray, np.ndarray, str]:
    """What is known of where a finding is, as filled boxes.

    Parameters
    ----------
    films : an ImageSet. finding : as the set's own boxes call it, such as "Pneumothorax". mask : name of its mask.

    Returns
    -------
    (rows, boxes, origin) : the films that have one, int (n,); bool (n, H, W), several boxes of a film together; and where
        they come from, in words: the radiologists' where the set has boxes, else around the exact mask; no rows where
        neither is known.
    """
    height, width = films.images.shape[1:]
    if films.boxes is not None:
        mine = films.boxes[films.boxes["finding"] == finding]
        rows = np.unique(mine["film"].to_numpy(int))
        filled = np.zeros((len(rows), height, width), bool)
        scale = np.array([width, height, width, height]) / 100
        for n, row in enumerate(rows):
            one = mine.loc[mine["film"] == row, ["x", "y", "width", "height"]].to_numpy(float)
            filled[n] = fill(one / scale, (height, width)).any(axis=0)
        return rows, filled, "drawn by radiologists"
    if films.masks is not None:
        known = films.masks[mask]
        rows = np.flatnonzero([one.any() for one in known])
        return rows, around(known[rows]), "drawn around the exact mask"
    return np.empty(0, int), np.zeros((0, height, width), bool), "not known"
