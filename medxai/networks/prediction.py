"""Prediction in batches, so that an image set of any length needs the memory of one batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .preprocessing import to_network_input

if TYPE_CHECKING:
    import tensorflow as tf


def batch_for(images: np.ndarray) -> int:
    """The default batch size: 32 films up to 256 x 256 pixels, 8 at 512 x 512, at least one.

    A full VGG16 keeps 64 float32 maps of each film: 32 films of 512 px would need 2 GB per layer.

    Parameters
    ----------
    images : array, (N, H, W) or (N, H, W, C)
    """
    height, width = images.shape[1:3]
    return max(1, min(32, 32 * 256 * 256 // (height * width)))


def predict_input(model: tf.keras.Model, x: np.ndarray, batch_size: int | None = None) -> np.ndarray:
    """The outputs of a network for network input.

    Parameters
    ----------
    model : keras Model, (N, H, W, C) -> (N, outputs)
    x : float array, (N, H, W, C)
    batch_size : int, optional
        Films per batch; by default `batch_for`.

    Returns
    -------
    float32 array, (N, outputs)
    """
    return _predict(model, x, batch_size, lambda batch: batch)


def predict_films(model: tf.keras.Model, images: np.ndarray, batch_size: int | None = None) -> np.ndarray:
    """The outputs of a network for stored films, which are preprocessed in batches.

    Parameters
    ----------
    model : keras Model, (N, H, W, 3) -> (N, outputs)
        Its input is the result of `to_network_input`.
    images : uint8 array, (N, H, W)
        0 black to 255 white.
    batch_size : int, optional
        Films per batch; by default `batch_for`.

    Returns
    -------
    float32 array, (N, outputs)

    Raises
    ------
    PixelRangeError
        The films are not uint8.
    """
    return _predict(model, images, batch_size, to_network_input)


def _predict(
    model: tf.keras.Model, films: np.ndarray, batch_size: int | None, prepare: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    if not len(films):
        return np.empty((0, model.output_shape[-1]), np.float32)
    size = batch_size or batch_for(films)
    return np.concatenate(
        [model.predict_on_batch(prepare(films[start : start + size])) for start in range(0, len(films), size)]
    )
