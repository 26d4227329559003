"""Figures of the course: grey films with white bone, one way to show a figure, and no figure without a description.

Every figure is displayed by :func:`show` (or :func:`yours_or_expected`), which stores a text description with the
picture: for readers who cannot see it, and for the build, which rejects figures without one.
"""

from . import annotated_film, drawings
from .figures import (
    BLUE,
    CLASS_COLOURS,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILION,
    cardiothoracic,
    confusion,
    curve_axes,
    film,
    film_grid,
    intervals,
    reliability,
    roc,
    show,
    yours_or_expected,
)
from .maps import attribution, attribution_grid, evidence, signed

__all__ = [
    "BLUE",
    "CLASS_COLOURS",
    "GREEN",
    "GREY",
    "ORANGE",
    "PURPLE",
    "VERMILION",
    "annotated_film",
    "attribution",
    "attribution_grid",
    "cardiothoracic",
    "confusion",
    "curve_axes",
    "drawings",
    "evidence",
    "film",
    "film_grid",
    "intervals",
    "reliability",
    "roc",
    "show",
    "signed",
    "yours_or_expected",
]
