"""Boxes on films: drawn by a person, given by a radiologist, or put around a mask.

A person's boxes are a dict, number of the film (from 1) -> (x, y, width, height) in **per cent of the film**, x and y the
upper left corner. So a box means the same at every size of the film. They are kept as a few lines of Python,
`my_boxes.txt`, which people can read, type and paste. The file is only parsed, never executed.
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
    """Films of one class, drawn by the seed, no two of one patient.

    Parameters
    ----------
    labels, patients : array, (N,)
        The class of each film, and who it is of.
    count : int
        How many; fewer come back where there are fewer patients.
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
    """A widget to draw one box on each film, with the mouse or the keyboard. Every change is written to `path` at once.

    Parameters
    ----------
    films : uint8 array, (N, H, W)
        As stored.
    path : path
        Boxes that it holds already are shown, so work can go on another day.

    Returns
    -------
    BoxDrawer
        An ipywidgets widget to display.

    Raises
    ------
    ImportError
        `anywidget` is missing: type the boxes then.
    """
    try:
        from .box_widget import BoxDrawer
    except ImportError as error:
        raise ImportError(
            f"medxai.lab.boxes.draw needs the package {error.name!r}, which is not installed here. Install the course again, or "
            "type your boxes: the films with their rulers are shown in the next cell."
        ) from error
    return BoxDrawer(films, path)


def fill(boxes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Boxes as masks.

    Parameters
    ----------
    boxes : array, (N, 4)
        x, y, width, height in per cent of the film.
    shape : (int, int)
        Height and width of the film in pixels.

    Returns
    -------
    bool array, (N, height, width)
        True for pixels whose centre lies inside.
    """
    boxes = np.asarray(boxes, float).reshape(-1, 4) / 100
    down, across = ((np.arange(side) + 0.5) / side for side in shape)
    x, y, width, height = boxes.T[:, :, None]
    rows, columns = (down >= y) & (down <= y + height), (across >= x) & (across <= x + width)
    return rows[:, :, None] & columns[:, None, :]


def centre_hits(boxes: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Whether the centre of each box lies in its mask.

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
    """The smallest upright box around each mask, filled.

    Parameters
    ----------
    masks : bool array, (N, H, W)

    Returns
    -------
    bool array, (N, H, W)
        Empty where the mask is.
    """
    masks = np.asarray(masks, bool)
    rows, columns = masks.any(axis=2), masks.any(axis=1)

    def between(hit: np.ndarray) -> np.ndarray:
        return np.logical_or.accumulate(hit, axis=1) & np.logical_or.accumulate(hit[:, ::-1], axis=1)[:, ::-1]

    return between(rows)[:, :, None] & between(columns)[:, None, :]


def of_films(films: ImageSet, finding: str, mask: str) -> tuple[np.ndarray, np.ndarray, str]:
    """What is known of where a finding is, as filled boxes.

    Parameters
    ----------
    films : ImageSet
    finding : str
        As the set's own boxes call it, such as "Pneumothorax".
    mask : str
        Name of its mask.

    Returns
    -------
    rows : int array, (n,)
        The films that have one; none where neither boxes nor masks are known.
    boxes : bool array, (n, H, W)
        Several boxes of a film together.
    origin : str
        Where they come from, in words: the radiologists' where the set has boxes, else around the exact mask.
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
