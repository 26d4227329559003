"""Integrated gradients: the mean gradient along the path from a baseline to the film, times their difference.

Source: Sundararajan et al., arXiv 1703.01365. As in iNNvestigate, the integral is a left Riemann sum that includes the
baseline but not the film itself. iNNvestigate's own implementation computes all points of a film in one batch; here they
are generated in chunks, and iNNvestigate computes their gradients. NumPy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

COUNT = "steps"  # the setting with the number of points


def samples(film: np.ndarray, numbers: range, settings: Mapping[str, Any]) -> np.ndarray:
    """Points k/n, k in `numbers`, on the straight line from the baseline to a film.

    Parameters
    ----------
    film : float32 array, (H, W, C)
    numbers : range
        The indices of the points.
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
    """The maps (N, H, W, C): the mean gradients along each film's path, times (film - baseline)."""
    return means * (films - np.asarray(settings["reference_inputs"], np.float32))
