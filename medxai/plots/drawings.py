"""Drawings that explain a computation, with computed numbers."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .figures import ORANGE, VERMILION

# Three detectors on 3 x 3 positions, their weights for one class, and its bias: small enough to work out by hand.
DETECTORS = np.array(
    [
        [[0, 0, 0], [0, 1, 3], [0, 2, 3]],
        [[0, 3, 0], [0, 3, 0], [0, 3, 0]],
        [[3, 1, 0], [2, 0, 0], [0, 0, 0]],
    ],
    float,
)
WEIGHTS = np.array([2.0, -0.5, 1.0])
BIAS = -0.25


def _grid(fig: Figure, x: float, y: float, values: np.ndarray, signed: bool, title: str) -> Axes:
    """A small grid of numbers with its lower left corner at (x, y), in inches."""
    side, (width, height) = 1.0, fig.get_size_inches()
    ax = fig.add_axes((x / width, y / height, side / width, side / height))
    limit = 6.0 if signed else 4.0
    ax.imshow(values, cmap="RdBu_r" if signed else "Blues", vmin=-limit if signed else 0, vmax=limit)
    for (row, column), value in np.ndenumerate(values):
        dark = abs(value) > 0.6 * limit
        ax.text(column, row, f"{value:g}", ha="center", va="center", fontsize=9, color="white" if dark else "black")
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize=9)
    return ax


def gap_and_cam() -> Figure:
    """Two ways to one logit: average the detectors and weight the averages, or weight the detectors and average the map."""
    fig = plt.figure(figsize=(9.4, 4.6))
    page = fig.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, 9.4), ylim=(0, 4.6))
    page.set_axis_off()

    def say(x: float, y: float, text: str, **style: Any) -> None:
        page.text(x, y, text, ha=style.pop("ha", "center"), va="center", fontsize=style.pop("size", 10), **style)

    def arrow(start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
        page.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.6})

    averages = DETECTORS.mean(axis=(1, 2))
    cam = np.tensordot(WEIGHTS, DETECTORS, axes=1)
    for k, (values, weight, average) in enumerate(zip(DETECTORS, WEIGHTS, averages, strict=True)):
        y = 3.2 - 1.45 * k
        _grid(fig, 0.5, y, values, False, f"detector {k + 1}, weight {weight:g}")
        arrow((1.6, y + 0.5), (2.5, y + 0.5), ORANGE)
        say(2.05, y + 0.68, "mean", size=9, color=ORANGE)
        say(2.85, y + 0.5, f"{average:.2f}")
    terms = " ".join(f"{'+' if w > 0 else '-'} {abs(w):g} · {a:.2f}" for w, a in zip(WEIGHTS, averages, strict=True))
    total = float(WEIGHTS @ averages)
    arrow((3.2, 3.7), (4.0, 3.7), ORANGE)
    say(4.1, 3.85, "global average, then the dense layer", ha="left", color=ORANGE, weight="bold")
    say(4.1, 3.5, f"{terms.removeprefix('+ ')}  =  {total:.2f}", ha="left")
    arrow((3.2, 1.4), (4.6, 1.4), VERMILION)
    say(4.1, 2.55, "the same sum, place by place: the class activation map", ha="left", color=VERMILION, weight="bold")
    _grid(fig, 4.9, 0.75, cam, True, "")
    arrow((6.1, 1.25), (7.0, 1.25), VERMILION)
    say(6.55, 1.43, "mean", size=9, color=VERMILION)
    say(7.45, 1.25, f"{cam.mean():.2f}")
    say(4.1, 0.35, f"both: logit = {total:.2f} + bias {BIAS:g} = {total + BIAS:.2f}", ha="left", weight="bold")
    return fig
