"""SmoothGrad: the mean gradient over noisy copies of a film (Smilkov et al., arXiv 1706.03825).

iNNvestigate's own implementation accepts `noise_scale` but always uses a standard deviation of 1, and computes all
samples of a film in one batch. Here the samples are generated in chunks, and iNNvestigate computes their gradients.
NumPy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

COUNT = "augment_by_n"  # the setting with the number of samples


def samples(film: np.ndarray, numbers: range, settings: Mapping[str, Any]) -> np.ndarray:
    """Noisy copies of a film.

    Noise number k is drawn from `seed` and k, so it is the same for every film and does not depend on the chunks.

    Parameters
    ----------
    film : float32 array, (H, W, C)
    numbers : range
        The indices of the copies.
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
    """The maps (N, H, W, C): the mean gradients over the samples, unchanged."""
    return means
