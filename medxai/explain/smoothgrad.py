"""SmoothGrad: the mean gradient over noisy copies of a film (Smilkov et al., arXiv 1706.03825).

iNNvestigate's own accepts `noise_scale`, takes a standard deviation of 1 all the same, and computes all samples of a
film at once. So the samples are made here, in chunks, and iNNvestigate computes their gradients. NumPy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

COUNT = "augment_by_n"  # the setting that says how many samples there are


def samples(film: np.ndarray, numbers: range, settings: Mapping[str, Any]) -> np.ndarray:
    """Noisy copies of a film.

    Noise number k is drawn from `seed` and k: it is the same for every film, and in whatever chunks the copies are made.

    Parameters
    ----------
    film : float32 array, (H, W, C)
    numbers : range
        Which copies.
    settings : mapping
        `noise_scale`, the standard deviation in units of the input, and `seed`.

    Returns
    -------
    float32 array, (len(numbers), H, W, C)
    """
    noise = [
        np.random.default_rng([settings["seed"], number]).standard_normal(film.shape, np.float32) for number in numbers
    ]
    return film + np.float32(settings["noise_scale"]) * np.stack(noise)


def maps(means: np.ndarray, films: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    """The maps (N, H, W, C): the mean gradients over the samples, as they are."""
    return means
