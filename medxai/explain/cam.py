"""Class activation maps of networks that end in a global average and one dense layer.

For such networks the logit is the mean of a map over all positions, plus a bias: the map is exact (Zhou et al., "Learning
deep features for discriminative localization", arXiv 1512.04150). Maps are signed, in units of the logit, and never
rescaled per film.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import ExplanationError
from ..networks.preprocessing import to_network_input

if TYPE_CHECKING:
    import tensorflow as tf


def maps(
    model: tf.keras.Model, films: np.ndarray, target: int = 1, layer: str | None = None, batch_size: int = 64
) -> np.ndarray:
    """The class activation map of each film, on the grid of a layer.

    Parameters
    ----------
    model : keras Model
        Ends in GlobalAveragePooling2D and one Dense layer; a softmax after it is ignored.
    films : array, uint8 (N, H, W) or float (N, H, W, C)
        Stored films, or network input. Processed in batches.
    target : int
        The class to explain.
    layer : str, optional
        The layer whose grid the map has; by default the one before the global average. An earlier one is valid only if
        nothing but averages over equal windows follows, as between `stage4_sum` and `stage4_pool` of lab 04.
    batch_size : int
        Films per batch.

    Returns
    -------
    float64 array, (N, height, width)
        Signed, in units of the logit.

    Raises
    ------
    ExplanationError
        The network does not end in these layers.
    """
    import tensorflow as tf

    gap, dense = _end(model)
    source = gap.input if layer is None else model.get_layer(layer).output
    until = tf.keras.Model(model.input, source)
    weights = dense.get_weights()[0][:, target].astype(np.float64)
    films, done = np.asarray(films), []
    for start in range(0, len(films), batch_size):
        part = films[start : start + batch_size]
        if part.ndim == 3:
            part = to_network_input(part)
        answers = until(part, training=False).numpy()
        done.append(np.tensordot(answers.astype(np.float64), weights, axes=1))
    return np.concatenate(done) if done else np.empty((0, *source.shape[1:3]))


def bias(model: tf.keras.Model, target: int = 1) -> float:
    """The logit of a class without any evidence; the mean of a map plus this bias is the logit.

    Parameters
    ----------
    model : keras Model
        As for `maps`.
    target : int
        The class.

    Raises
    ------
    ExplanationError
        The network does not end in these layers.
    """
    return float(_end(model)[1].get_weights()[1][target])


def finer_layer(model: tf.keras.Model) -> str | None:
    """The name of the layer before an average pooling that directly precedes the global average.

    Averages over equal windows have the same overall average, so a map on that layer's grid has the same mean with more
    cells: pass the name to `maps`.

    Parameters
    ----------
    model : keras Model
        As for `maps`.

    Returns
    -------
    str or None
        None if there is no such pooling, or its windows are not equal.

    Raises
    ------
    ExplanationError
        The network does not end in these layers.
    """
    gap = _end(model)[0]
    pooling = _source(model, gap)
    if type(pooling).__name__ != "AveragePooling2D" or pooling.pool_size != pooling.strides:
        return None
    if any(side % window for side, window in zip(pooling.input_shape[1:3], pooling.pool_size, strict=True)):
        return None  # pixels that do not fill a window are ignored in the average
    return _source(model, pooling).name


def _source(model: tf.keras.Model, layer: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
    """The layer whose output is the input of `layer`."""
    return next(other for other in model.layers if other.get_output_at(0) is layer.input)


def enlarge(grids: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Maps at the size of the film: bilinear between the centres of the cells, constant beyond the outermost.

    Parameters
    ----------
    grids : array, (N, h, w)
    shape : (int, int)
        Height and width of the film in pixels.

    Returns
    -------
    float64 array, (N, height, width)
        In the units of the grids.
    """
    from scipy import sparse

    def between(cells: int, pixels: int) -> sparse.csr_matrix:
        at = np.clip((np.arange(pixels) + 0.5) / pixels * cells - 0.5, 0, cells - 1)
        lower = np.minimum(at.astype(int), max(cells - 2, 0))
        share, who = at - lower, np.arange(pixels)
        upper = np.minimum(lower + 1, cells - 1)
        entries = np.concatenate([1 - share, share]), (np.concatenate([who, who]), np.concatenate([lower, upper]))
        return sparse.csr_matrix(entries, shape=(pixels, cells))

    grids = np.asarray(grids, float)
    down, across = (between(n, m).toarray() for n, m in zip(grids.shape[1:], shape, strict=True))
    return np.einsum("ph,nhw,qw->npq", down, grids, across, optimize=True)


def _end(model: tf.keras.Model) -> tuple[tf.keras.layers.Layer, tf.keras.layers.Layer]:
    """(the global average, the dense layer after it)."""
    kinds = [type(layer).__name__ for layer in model.layers]
    if "GlobalAveragePooling2D" in kinds:
        gap = model.layers[kinds.index("GlobalAveragePooling2D")]
        behind = [layer for layer in model.layers[kinds.index("GlobalAveragePooling2D") + 1 :] if layer.weights]
        if len(behind) == 1 and type(behind[0]).__name__ == "Dense" and len(behind[0].get_weights()) == 2:
            return gap, behind[0]
    raise ExplanationError(
        f"A class activation map needs a network that ends in GlobalAveragePooling2D and one Dense layer with a bias; "
        f"{model.name!r} ends in {', '.join(kinds[-3:])}. Grad-CAM (lab 06) works for any ending."
    )
