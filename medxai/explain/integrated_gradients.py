"""Integrated gradients: the gradients on the way from a reference film, times the way (Sundararajan et al., arXiv 1703.01365).

As in iNNvestigate the integral is a left Riemann sum, from the reference on and without the film itself. Its own
computes all points of a film at once; here they are made in chunks, and iNNvestigate computes their gradients. NumPy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

COUNT = "steps"  # the setting that says how many points there are


def samples(film: np.ndarray, numbers: range, settings: Mapping[str, Any]) -> np.ndarray:
    """Points k/n, k in `numbers`, of the straight way from the reference to a film.

    Parameters
    ----------
    film : float32 array, (H, W, C)
    numbers : range
        Which points.
    settings : mapping
        `steps`, n, and `reference_inputs`, a number or an array (H, W, C).

    Returns
    -------
    float32 array, (len(numbers), H, W, C)
    """
    reference = np.asarray(settings["reference_inputs"], np.float32)
    fractions = np.asarray(numbers, np.float32) / np.float32(settings["steps"])
    return reference + (film - reference) * fractions[:, None, None, None]


def maps(means: np.ndarray, films: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    """The maps (N, H, W, C): the mean gradients along each film's way, times the way."""
    return means * (films - np.asarray(settings["reference_inputs"], np.float32))
