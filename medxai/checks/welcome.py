"""Visible check of lab 00: takes the student's function and judges it on a film of six pixels, small enough to do by hand.

A check returns a sentence; an AssertionError names the property that does not hold, and the likely mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def window(f: Callable[..., Any]) -> str:
    """Check `window(film, centre, width)`: what is seen of a film through a window."""
    film = np.array([[0, 60, 80, 100, 140, 255]], dtype=np.uint8)
    before = film.copy()
    shown = f(film, 100, 80)
    if shown is None:
        raise AssertionError("window: your function returned nothing. Does it end with `return`?")
    shown = np.asarray(shown)
    if not np.array_equal(film, before):
        raise AssertionError(
            "window: your function changed the film that it was given, so looking twice would show something else. "
            "Make a new array instead."
        )
    if shown.shape != film.shape:
        raise AssertionError(
            f"window: a film of shape {film.shape} must stay of that shape, got {shown.shape}. "
            "Each pixel is looked at by itself."
        )
    if not np.issubdtype(shown.dtype, np.floating):
        raise AssertionError(f"window: greys between 0 and 1 are decimal numbers, but your array holds {shown.dtype}.")
    got = shown[0].astype(float)
    if got[0] > 0.5:
        raise AssertionError(
            "window: the black pixel came out bright. A film holds whole numbers from 0 to 255, and in such an array "
            "0 - 60 is 196: it wraps around. Turn the film into decimal numbers before you subtract."
        )
    if got.min() < 0 or got.max() > 1:
        raise AssertionError(
            f"window: your greys run from {got.min():.4g} to {got.max():.4g}; expected 0 to 1. "
            "What is darker than the window is black, what is brighter is white."
        )
    if np.allclose(got, film[0] / 255, atol=1e-3):
        raise AssertionError(
            "window: this stretches the film from its own darkest to its own brightest pixel, whatever window was "
            "asked for. Two films could no longer be compared. Where do `centre` and `width` go in?"
        )
    if np.allclose(got, [0, 0.25, 0.375, 0.5, 0.75, 1]):
        raise AssertionError(
            "window: your window is twice as wide as asked: 80 in all means 40 to either side of the centre."
        )
    if np.allclose(got, [0, 0, 0, 0, 0.5, 1]):
        raise AssertionError("window: your window begins at its centre. The centre must become 0.5, not 0.")
    if not np.allclose(got, [0, 0, 0.25, 0.5, 1, 1]):
        raise AssertionError(
            "window: a window of width 80 around 100 runs from 60 to 140, so that 0, 60, 80, 100, 140, 255 become "
            f"0, 0, 0.25, 0.5, 1, 1; got {', '.join(f'{value:.4g}' for value in got)}."
        )
    return "window: the example is right. The hidden checks look at other films and other windows."
