"""Visible check of lab 00: calls the student's function on a film of six pixels, small enough to work out by hand.

A check returns a message if it passes; otherwise it raises an AssertionError that names the failed property and the likely mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def window(f: Callable[..., Any]) -> str:
    """Check `window(film, centre, width)`: a film as seen through a display window."""
    film = np.array([[0, 60, 80, 100, 140, 255]], dtype=np.uint8)
    before = film.copy()
    shown = f(film, 100, 80)
    if shown is None:
        raise AssertionError("window: your function returned None. Does it end with a `return` statement?")
    shown = np.asarray(shown)
    if not np.array_equal(film, before):
        raise AssertionError(
            "window: your function changed the film it was given, so a second call would give another result. "
            "Make a new array instead."
        )
    if shown.shape != film.shape:
        raise AssertionError(
            f"window: expected the shape of the film, {film.shape}, got {shown.shape}. "
            "Each pixel is mapped independently."
        )
    if not np.issubdtype(shown.dtype, np.floating):
        raise AssertionError(f"window: expected an array of floats between 0 and 1, got {shown.dtype}.")
    got = shown[0].astype(float)
    if got[0] > 0.5:
        raise AssertionError(
            "window: the black pixel came out bright. A film is stored as unsigned 8-bit integers, in which "
            "0 - 60 is 196: it wraps around. Convert the film to floats before you subtract."
        )
    if got.min() < 0 or got.max() > 1:
        raise AssertionError(
            f"window: your grey values range from {got.min():.4g} to {got.max():.4g}; expected 0 to 1. "
            "Pixels below the window become black, pixels above it white."
        )
    if np.allclose(got, film[0] / 255, atol=1e-3):
        raise AssertionError(
            "window: this stretches the film from its darkest to its brightest pixel, whatever window was "
            "asked for, so that two films can no longer be compared. Where are `centre` and `width` used?"
        )
    if np.allclose(got, [0, 0.25, 0.375, 0.5, 0.75, 1]):
        raise AssertionError(
            "window: your window is twice as wide as asked: a width of 80 means 40 on either side of the centre."
        )
    if np.allclose(got, [0, 0, 0, 0, 0.5, 1]):
        raise AssertionError("window: your window begins at its centre. The centre must become 0.5, not 0.")
    if not np.allclose(got, [0, 0, 0.25, 0.5, 1, 1]):
        raise AssertionError(
            "window: a window of width 80 around 100 runs from 60 to 140, so 0, 60, 80, 100, 140, 255 become "
            f"0, 0, 0.25, 0.5, 1, 1; got {', '.join(f'{value:.4g}' for value in got)}."
        )
    return "window: correct on this example. The hidden checks use other films and other windows."
