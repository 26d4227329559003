"""Boxes on films: drawn by a student, given by a radiologist, or fitted around a mask.

A student's boxes are a dict, film number (from 1) -> (x, y, width, height) in **per cent of the film**, where x and y are
the upper left corner; this makes a box independent of the film's size. They are saved as a few lines of Python in
`my_boxes.txt`, which are easy to read, type and paste. The file is only parsed, never executed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from .box_file import as_python, check, read, write

if TYPE_CHECKING:
    from data_fetch import ImageSet

    from .box_widget import BoxDrawer

__all__ = ["around", "as_python", "centre_hits", "check", "choose", "draw", "fill", "of_films", "read", "write"]


def choose(labels: np.ndarray, patients: np.ndarray, count: int = 20, seed: int = 0, target: int = 1) -> np.ndarray:
    """Randomly chosen films of one class, at most one per patient.

    Parameters
    ----------
    labels, patients : array, (N,)
        The class and the patient of each film.
    count : int
        How many; fewer are returned if there are fewer patients.
    seed : int
    target : int
        The class.

    Returns
    -------
    int array, (count,)
        Rows of the films.
    """
    rng = np.random.default_rng(seed)
    rows = rng.permutation(np.flatnonzero(np.asarray(labels) == target))
    _, first = np.unique(np.asarray(patients)[rows], return_index=True)
    return rows[np.sort(first)][:count]


def draw(films: np.ndarray, path: str | os.PathLike = "my_boxes.txt") -> BoxDrawer:
    """A widget to draw one box on each film, with mouse or keyboard. Every change is written to `path` immediately.

    Parameters
    ----------
    films : uint8 array, (N, H, W)
        As stored.
    path : path
        Boxes already in this file are shown, so work can be continued later.

    Returns
    -------
    BoxDrawer
        An ipywidgets widget to display.

    Raises
    ------
    ImportError
        `anywidget` is missing; the boxes can be typed instead.
    """
    try:
        from .box_widget import BoxDrawer
    except ImportError as error:
        raise ImportError(
            f"medxai.lab.boxes.draw needs the package {error.name!r}, which is not installed. Install the course again, or "
            "type your boxes: the next cell shows the films with rulers."
        ) from error
    return BoxDrawer(films, path)


def fill(boxes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Filled masks of boxes.

    Parameters
    ----------
    boxes : array, (N, 4)
        x, y, width, height in per cent of the film.
    shape : (int, int)
        Height and width of the film in pixels.

    Returns
    -------
    bool array, (N, height, width)
        True for pixels whose centre is inside the box.
    """
    boxes = np.asarray(boxes, float).reshape(-1, 4) / 100
    down, across = ((np.arange(side) + 0.5) / side for side in shape)
    x, y, width, height = boxes.T[:, :, None]
    rows, columns = (down >= y) & (down <= y + height), (across >= x) & (across <= x + width)
    return rows[:, :, None] & columns[:, None, :]


def centre_hits(boxes: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Whether the centre of each box is in its mask.

    Parameters
    ----------
    boxes : array, (N, 4)
        x, y, width, height in per cent of the film.
    masks : bool array, (N, H, W)

    Returns
    -------
    bool array, (N,)
    """
    boxes, masks = np.asarray(boxes, float).reshape(-1, 4), np.asarray(masks, bool)
    height, width = masks.shape[1:]
    columns = np.clip((boxes[:, 0] + boxes[:, 2] / 2) / 100 * width, 0, width - 1).astype(int)
    rows = np.clip((boxes[:, 1] + boxes[:, 3] / 2) / 100 * height, 0, height - 1).astype(int)
    return masks[np.arange(len(masks)), rows, columns]


def around(masks: np.ndarray) -> np.ndarray:
    """The bounding box of each mask, filled.

    Parameters
    ----------
    masks : bool array, (N, H, W)

    Returns
    -------
    bool array, (N, H, W)
        Empty if the mask is empty.
    """
    masks = np.asarray(masks, bool)
    rows, columns = masks.any(axis=2), masks.any(axis=1)

    def between(hit: np.ndarray) -> np.ndarray:
        return np.logical_or.accumulate(hit, axis=1) & np.logical_or.accumulate(hit[:, ::-1], axis=1)[:, ::-1]

    return between(rows)[:, :, None] & between(columns)[:, None, :]


def of_films(films: ImageSet, finding: str, mask: str) -> tuple[np.ndarray, np.ndarray, str]:
    """The known locations of a finding, as filled boxes.

    Parameters
    ----------
    films : ImageSet
    finding : str
        Its name in the image set's table of boxes, such as "Pneumothorax".
    mask : str
        The name of its mask.

    Returns
    -------
    rows : int array, (n,)
        The films that have one; empty if the image set has neither boxes nor masks.
    boxes : bool array, (n, H, W)
        All boxes of a film combined.
    origin : str
        Where they come from, in words: the radiologists' if the image set has boxes, otherwise drawn around the exact mask.
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
