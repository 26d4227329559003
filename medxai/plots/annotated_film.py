"""A frontal chest film with labelled parts, for the first lab. Positions are computed from the film's masks."""

from __future__ import annotations

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy import ndimage

from .figures import BLUE, GREY, ORANGE, film


class Place(NamedTuple):
    """A position on a film, in pixels: `x` from the viewer's left, `y` from the top."""

    x: float
    y: float


def places(image: np.ndarray, heart: np.ndarray, lungs: np.ndarray, marker: str) -> dict[str, Place]:
    """The positions of the parts of a frontal film.

    Parameters
    ----------
    image : uint8 array, (H, W)
    heart, lungs : bool array, (H, W)
        Masks; `lungs` contains both lungs.
    marker : "L" or "R"
        The side marker of the film: the side of the *patient* that it is on.

    Returns
    -------
    dict, name -> Place
        "right lung", "left lung", "heart", "right diaphragm", "left diaphragm", "right clavicle", "left clavicle",
        "side marker". Right and left are the patient's: the patient's left is on the viewer's right.

    Raises
    ------
    ValueError
        If a mask is empty.
    """
    if not heart.any() or not lungs.any():
        raise ValueError("places: a mask is empty; expected a film with masks of heart and lungs.")
    height, width = image.shape
    middle = _centre(heart | lungs).x
    found = {"heart": _centre(heart)}
    for side, columns in (("right", np.arange(width) < middle), ("left", np.arange(width) >= middle)):
        lung = lungs & columns
        rows = np.flatnonzero(lung.any(axis=1))
        found[f"{side} lung"] = Place(_centre(lung).x, rows[0] + 0.42 * (rows[-1] - rows[0]))
        # The dome in the outer part of the lung, not hidden by the heart.
        extent = np.flatnonzero(lung.any(axis=0))
        column = int(extent[0] + (0.3 if side == "right" else 0.7) * (extent[-1] - extent[0]))
        found[f"{side} diaphragm"] = Place(column, float(np.flatnonzero(lung[:, column])[-1]))
        # The clavicle crosses the top of the lung, slightly below the apex and lateral to its middle.
        apex = rows[0] + 0.10 * (rows[-1] - rows[0])
        across = np.flatnonzero(lung[int(apex)])
        found[f"{side} clavicle"] = Place(float(across.mean()), float(apex))
    # The marker is a small bright letter: the strongest local contrast in the upper corner of its side.
    detail = image - ndimage.gaussian_filter(image.astype(float), width / 20)
    rows, columns = np.mgrid[:height, :width]
    from_edge = width - 1 - columns if marker == "L" else columns
    outer = (from_edge > 0.015 * width) & (from_edge < 0.14 * width) & (rows > 0.015 * height) & (rows < 0.27 * height)
    letter = ndimage.uniform_filter(np.where(outer, detail.clip(0), 0), width // 20)
    row, column = np.unravel_index(letter.argmax(), letter.shape)
    found["side marker"] = Place(float(column), float(row))
    return found


def name_parts(image: np.ndarray, heart: np.ndarray, lungs: np.ndarray, marker: str) -> Figure:
    """Draw a film with labels around it. Parameters and errors as in :func:`places`."""
    found = places(image, heart, lungs, marker)
    height, width = image.shape
    fig, ax = plt.subplots(figsize=(7.6, 5.2))
    film(image, ax=ax)
    ax.set_xlim(-0.42 * width, 1.42 * width)
    on_left = ["right clavicle", "right lung", "right diaphragm"]  # the patient's right is on the viewer's left
    on_right = ["left clavicle", "left lung", "heart", "left diaphragm"]
    (on_right if found["side marker"].x > width / 2 else on_left).append("side marker")
    for names, x, align in ((on_left, -0.05, "right"), (on_right, 1.05, "left")):
        names.sort(key=lambda name: found[name].y)
        for name, y in zip(names, _spread([found[name].y for name in names], 0.085 * height), strict=True):
            colour = ORANGE if name == "heart" else BLUE
            text = f'side marker "{marker}"' if name == "side marker" else name
            ax.annotate(
                text,
                found[name],
                (x * width, y),
                ha=align,
                va="center",
                fontsize=10,
                arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.4, "shrinkA": 2, "shrinkB": 0},
            )
    ax.contour(heart, levels=[0.5], colors=[ORANGE], linewidths=1.0)
    ax.contour(lungs, levels=[0.5], colors=[BLUE], linewidths=1.0)
    ax.text(0, 1.05 * height, "patient's right", ha="left", fontsize=9, color=GREY)
    ax.text(width, 1.05 * height, "patient's left", ha="right", fontsize=9, color=GREY)
    ax.set_ylim(1.08 * height, -0.02 * height)
    return fig


def _centre(mask: np.ndarray) -> Place:
    rows, columns = np.nonzero(mask)
    return Place(float(columns.mean()), float(rows.mean()))


def _spread(values: list[float], gap: float) -> list[float]:
    """Move ascending values down just enough for neighbours to be `gap` apart."""
    out: list[float] = []
    for value in values:
        out.append(max(value, out[-1] + gap) if out else value)
    return out
