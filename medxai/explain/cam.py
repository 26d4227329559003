"""Class activation maps of networks that end in a global average and one dense layer.

There the logit is the mean over places of a map, plus a bias: the map is exact (Zhou et al., "Learning deep features for
discriminative localization", arXiv 1512.04150). Maps are signed, in units of the logit, and never scaled film by film.
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
    """The class activation map of each film, float64 (N, height, width) of the layer's grid.

    Parameters
    ----------
    model : ends in GlobalAveragePooling2D and one Dense layer; a softmax behind it changes nothing.
    films : stored films, uint8 (N, H, W), or network input, float (N, H, W, C). Worked through batch by batch.
    target : the class that is explained.
    layer : whose grid the map has; the one before the global average by default. An earlier one is right only where
        nothing but averages over equal windows lies between, as between `stage4_sum` and `stage4_pool` of lab 04.

    Raises
    ------
    ExplanationError : the network does not end so.
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
    """What the logit of `target` has without any evidence: the mean of a map plus this is the logit."""
    return float(_end(model)[1].get_weights()[1][target])


def finer_layer(model: tf.keras.Model) -> str | None:
    """The layer before an average pooling that stands right before the global average; None where there is none.

    Averages of equal windows have the same average, so a map on that layer's grid obeys the same law with more cells:
    pass the name to `maps`.
    """
    gap = _end(model)[0]
    pooling = _source(model, gap)
    if type(pooling).__name__ != "AveragePooling2D" or pooling.pool_size != pooling.strides:
        return None
    if any(side % window for side, window in zip(pooling.input_shape[1:3], pooling.pool_size, strict=True)):
        return None  # what does not fill a window is left out of the average
    return _source(model, pooling).name


def _source(model: tf.keras.Model, layer: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
    """The layer whose output a layer reads."""
    return next(other for other in model.layers if other.get_output_at(0) is layer.input)


def enlarge(grids: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Maps (N, h, w) at the size of the film, float64 (N, *shape): bilinear between the centres of the cells."""
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
    """(the global average, the dense layer behind it)."""
    kinds = [type(layer).__name__ for layer in model.layers]
    if "GlobalAveragePooling2D" in kinds:
        gap = model.layers[kinds.index("GlobalAveragePooling2D")]
        behind = [layer for layer in model.layers[kinds.index("GlobalAveragePooling2D") + 1 :] if layer.weights]
        if len(behind) == 1 and type(behind[0]).__name__ == "Dense" and len(behind[0].get_weights()) == 2:
            return gap, behind[0]
    raise ExplanationError(
        f"A class activation map needs a network that ends in GlobalAveragePooling2D and one Dense layer with a bias; "
        f"{model.name!r} ends in {', '.join(kinds[-3:])}. Grad-CAM (lab 06) needs no such end."
    )
