"""Visible checks of lab 02b. Each calls the student's function on inputs small enough to work out by hand.

A check returns a message if it passes; otherwise it raises an AssertionError that names the failed property and the likely mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


def _network(kernel: Any, bias: Any = None, shape: tuple[int, ...] | None = None, **settings: Any) -> tf.keras.Model:
    """A network of one layer without activation: dense for a kernel with two axes, a convolution for four."""
    import tensorflow as tf

    kernel = np.asarray(kernel, np.float32)
    film = tf.keras.Input(shape or kernel.shape[:1], name="inputs")
    if kernel.ndim == 2:
        layer = tf.keras.layers.Dense(kernel.shape[1], use_bias=bias is not None, name="layer")
    else:
        layer = tf.keras.layers.Conv2D(
            kernel.shape[3], kernel.shape[:2], use_bias=bias is not None, name="layer", **settings
        )
    network = tf.keras.Model(film, layer(film))
    network.set_weights([kernel] if bias is None else [kernel, np.asarray(bias, np.float32)])
    return network


def lrp_epsilon(f: Callable[..., Any]) -> str:
    """Check `lrp_epsilon`: relevance propagated back through one layer by the epsilon rule."""
    kernel = [[2, -1], [-1, 1], [1, -1]]
    x = np.array([[1.0, 2.0, 3.0], [2.0, 0.0, 1.0]], dtype=np.float32)  # sums: (3, -2) and (5, -3)
    relevance = np.array([[3.0, 4.0], [5.0, 0.0]], dtype=np.float32)
    got = np.asarray(f(_network(kernel), x, relevance, 1e-7))
    if got.shape != x.shape:
        raise AssertionError(
            f"lrp_epsilon: for 2 films with 3 inputs each, expected shape (2, 3), got {got.shape}. "
            "Every input gets its share."
        )
    if not np.isfinite(got).all():
        raise AssertionError("lrp_epsilon: some shares are not finite. Do you divide by zero?")
    if np.allclose(got, [[2, 2, -3], [20, 0, 5]], atol=1e-3):
        raise AssertionError(
            "lrp_epsilon: this is input times gradient, with the relevance passed back undivided. A unit distributes its "
            "relevance in proportion to the terms of its sum: divide by the sum first."
        )
    if np.allclose(got, [[4, -3, 3], [2, -1, 1]], atol=1e-3):
        raise AssertionError("lrp_epsilon: a share is input times weight over the sum. Where is the input?")
    if np.abs(got).max() < 1e-3:
        raise AssertionError(
            "lrp_epsilon: all shares are zero. If you take a gradient, relevance divided by the sum must be a "
            "constant in it; otherwise numerator and denominator cancel."
        )
    if np.allclose(got, [[0, 2, -3], [4, 0, 1]], atol=1e-3):
        raise AssertionError(
            "lrp_epsilon: the second unit's sum is negative, and its shares have the wrong sign. Divide by the sum "
            "itself, not by its magnitude."
        )
    if not np.allclose(got, [[4, -6, 9], [4, 0, 1]], atol=1e-3):
        raise AssertionError(
            "lrp_epsilon: by hand, the first film's units give (2, -2, 3) and (2, -4, 6), together (4, -6, 9); "
            f"got {got[0].round(3).tolist()}. The layer has no activation, so sums may be negative."
        )
    got = np.asarray(f(_network(kernel, bias=[1, -1]), x, relevance, 1e-7))
    if not np.allclose(got[0], [4 / 3 + 1.5, -8 / 3 - 1.5, 4 + 2.25], atol=1e-3):
        raise AssertionError(
            "lrp_epsilon: the bias belongs to the sum. With biases 1 and -1 the first film's sums are 4 and -3, "
            f"and its shares (2.833, -4.167, 6.25); got {got[0].round(3).tolist()}."
        )
    got = np.asarray(f(_network(kernel), x, relevance, 1.0))
    if not np.allclose(got[0], [4 / 3 + 1.5, -8 / 3 - 1.5, 4 + 2.25], atol=1e-3):
        raise AssertionError(
            "lrp_epsilon: epsilon pushes a sum away from zero, so it takes the sum's sign. With epsilon 1 the sums 3 "
            f"and -2 become 4 and -3, and the shares (2.833, -4.167, 6.25); got {got[0].round(3).tolist()}."
        )
    at_zero = np.asarray(f(_network(kernel), np.array([[1, 1, 0]], np.float32), np.array([[0, 1]], np.float32), 0.5))
    if not np.allclose(at_zero, [[-2, 2, 0]], atol=1e-3):
        raise AssertionError(
            "lrp_epsilon: a sum of exactly 0 counts as positive: with epsilon 0.5 it becomes 0.5 and its relevance of 1 "
            f"is split as (-2, 2, 0); got {at_zero[0].round(3).tolist()}. Which sign does your function give 0?"
        )
    film = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float32)[None, ..., None]  # the four sums: 12, 16, 24, 28
    windows = np.array([[12, 0], [0, 28]], np.float32)[None, ..., None]
    try:
        got = np.asarray(f(_network(np.ones((2, 2, 1, 1)), shape=(3, 3, 1)), film, windows, 1e-7))
    except Exception as reason:
        raise AssertionError(
            f"lrp_epsilon: with a convolution your function raises {type(reason).__name__}. Call the network, which "
            "knows its strides and padding, and let TensorFlow compute the gradient."
        ) from reason
    if got.shape != film.shape or not np.allclose(got[0, ..., 0], [[1, 2, 0], [4, 10, 6], [0, 8, 9]], atol=1e-3):
        raise AssertionError(
            "lrp_epsilon: dense layers are right, convolutions are not. A pixel in two windows gets a share from both."
        )
    return "lrp_epsilon: correct on these examples. The hidden checks use random layers, strides, padding and batches."


def alpha_beta(f: Callable[..., Any]) -> str:
    """Check `alpha_beta`: relevance propagated back through a dense layer by the alpha-beta rule."""
    inputs, weights = np.array([[1.0, 2.0, 1.0]]), np.array([[3.0], [-1.0], [1.0]])  # contributions 3, -2, 1
    relevance = np.array([[8.0]])
    one = np.asarray(f(inputs, weights, relevance, 1, 0))
    if one.shape != (1, 3):
        raise AssertionError(f"alpha_beta: each of the 3 inputs gets a share: expected shape (1, 3), got {one.shape}.")
    if not np.allclose(one, [[6, 0, 2]]):
        raise AssertionError(
            "alpha_beta: with alpha 1 and beta 0, only the positive contributions 3 and 1 share the relevance of 8: "
            f"expected (6, 0, 2), got {one[0].round(3).tolist()}."
        )
    two = np.asarray(f(inputs, weights, relevance, 2, 1))
    if np.allclose(two, [[12, 8, 4]]):
        raise AssertionError("alpha_beta: the negative part is subtracted (minus beta); yours is added.")
    if not np.allclose(two, [[12, -8, 4]]):
        raise AssertionError(
            "alpha_beta: with alpha 2 and beta 1, the positive contributions share 16 and the negative one gets -8: "
            f"expected (12, -8, 4), got {two[0].round(3).tolist()}."
        )
    dark = np.asarray(f(np.array([[-1.0, 1.0]]), np.array([[-2.0], [2.0]]), np.array([[4.0]]), 1, 0))
    if not np.isfinite(dark).all() or not np.allclose(dark, [[2, 2]]):
        raise AssertionError(
            "alpha_beta: a negative input times a negative weight is a positive contribution. Split the products, not "
            f"the weights: expected (2, 2) for the second example, got {dark[0].round(3).tolist()}."
        )
    return "alpha_beta: correct on these examples."


def _toy(
    strength: float, mean: float, signal: Sequence[float], off: Sequence[float], bias: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs whose signal the weights (1, -1) extract exactly: a signal, plus a distractor along (1, 1).

    Inputs below zero carry their signal along `off`. Each signal is paired with a distractor and with its negative, so
    that the two are uncorrelated.
    """
    rng = np.random.default_rng(0)
    s, d = rng.normal(0, 1, (2, 2000))
    s, d = np.tile(s, 2), np.concatenate([d, -d]) * strength + mean
    along = np.where((s + bias > 0)[:, None], np.asarray(signal, float), np.asarray(off, float))
    return s[:, None] * along + d[:, None], np.array([1.0, -1.0])


def signal_direction(f: Callable[..., Any]) -> str:
    """Check `signal_direction(inputs, weights, bias)`: the direction of the signal that a ReLU unit responds to."""
    inputs, weights = _toy(strength=1.0, mean=0.0, signal=[1, 0], off=[1, 0])
    a = np.asarray(f(inputs, weights, 0.0))
    if a.shape != (2,):
        raise AssertionError(f"signal_direction: expected one number for each of the 2 inputs, got shape {a.shape}.")
    if not np.isfinite(a).all():
        raise AssertionError("signal_direction: the direction contains NaN or infinite values.")
    if abs(a[0] + a[1]) < 1e-3 * np.abs(a).max():
        raise AssertionError(
            "signal_direction: this is the direction of the weights. They filter the distractor out; they do not show "
            "where the signal is. How do the inputs covary with the output?"
        )
    if not np.allclose(a, [1, 0], atol=0.02):
        raise AssertionError(f"signal_direction: the signal runs along (1, 0), got {a.round(3).tolist()}.")
    loud = np.asarray(f(_toy(10.0, 0.0, [1, 0], [1, 0])[0], weights, 0.0))
    if not np.allclose(loud, [1, 0], atol=0.02):
        raise AssertionError(
            f"signal_direction: the distractor was made ten times larger and your direction moved to "
            f"{loud.round(3).tolist()}; the signal did not move."
        )
    two = np.asarray(f(_toy(1.0, 0.0, [1, 0], [3, 2])[0], weights, 0.0))
    if not np.allclose(two, [1, 0], atol=0.02):
        raise AssertionError(
            f"signal_direction: expected (1, 0), got {two.round(3).tolist()}. Inputs below zero carry another signal here, "
            "and the unit is silent for them: count only inputs that make it fire."
        )
    shifted = np.asarray(f(_toy(1.0, 5.0, [1, 0], [1, 0])[0], weights, 0.0))
    if not np.allclose(shifted, [1, 0], atol=0.02):
        raise AssertionError(
            f"signal_direction: the distractor has a mean of 5 here, and it leaked in: got {shifted.round(3).tolist()}. "
            "Subtract the means of the inputs and of the output, both taken over the inputs that make the unit fire."
        )
    late = np.asarray(f(_toy(1.0, 0.0, [1, 0], [3, 2], bias=-0.5)[0], weights, -0.5))
    if not np.allclose(late, [1, 0], atol=0.02):
        raise AssertionError(
            f"signal_direction: with a bias of -0.5, expected (1, 0), got {late.round(3).tolist()}. The unit fires when "
            "w . x + bias > 0."
        )
    long = np.asarray(f(_toy(1.0, 0.0, [3, 2], [3, 2])[0], weights, 0.0))
    if not np.allclose(long, [3, 2], atol=0.05):
        raise AssertionError(
            "signal_direction: the signal now runs along (3, 2), and w . a must be 1 (so its length is not 1); "
            f"got {long.round(3).tolist()}."
        )
    return "signal_direction: correct on these examples. The hidden checks use more inputs, other biases, and a unit that never fires."


def score_methods(f: Callable[..., Any]) -> str:
    """Check `score_methods(maps, films, masks, seed)`: the lift of each method and of three null baselines."""
    masks = np.zeros((2, 12, 20), bool)
    masks[0, 3:9, 5:15] = True  # a quarter of the film
    masks[1, :3, :] = True  # another quarter
    inside = np.where(masks, 2.0, -2.0)
    maps = {"half": masks * 2.0 + ~masks * 2.0 / 3, "signed": inside, "blank": np.zeros((2, 12, 20))}
    maps["blank"][0, 4, 6] = -1.0
    films = np.full((2, 12, 20), 100, np.uint8)
    kept = {name: values.copy() for name, values in maps.items()}
    with np.errstate(all="ignore"):
        got = f(maps, films, masks, 0)
    if not isinstance(got, dict):
        raise AssertionError(f"score_methods: expected a dict, name -> lift of each film, got {type(got).__name__}.")
    missing = [name for name in (*maps, "centred Gaussian", "the film itself", "random") if name not in got]
    if missing:
        raise AssertionError(
            f"score_methods: {missing[0]!r} is missing. Score the methods and the three null baselines."
        )
    got = {name: np.asarray(values) for name, values in got.items()}
    for name, values in got.items():
        if values.shape != (2,):
            raise AssertionError(
                f"score_methods: expected one lift for each of the 2 films, got shape {values.shape} for {name!r}. "
                "Means are taken later, with intervals."
            )
    if any(name not in maps or not np.array_equal(maps[name], values) for name, values in kept.items()):
        raise AssertionError("score_methods: your function changed the maps it was given. Work on copies.")
    half, signed, blank = got["half"], got["signed"], got["blank"]
    if np.allclose(half, 0.5):
        raise AssertionError(
            "score_methods: half of this map is in the heart, and the heart is a quarter of the film: a lift of 2. "
            "Divide by the share of the area."
        )
    if np.isclose(half[0], 2) and not np.isclose(half[1], 2):
        raise AssertionError("score_methods: the first film is right, the second is not. Each film has its own mask.")
    if np.allclose(half, 4) or np.allclose(half, 3):
        raise AssertionError(
            "score_methods: half of this map is in a quarter of the film, a lift of 2. Compare with the area of the "
            "whole film (not with the rest), and do not shift the map (min-max subtracts its smallest value)."
        )
    if not np.allclose(half, 2):
        raise AssertionError(
            f"score_methods: half of the map in a quarter of the film is a lift of 2, got {half.tolist()}."
        )
    if not np.allclose(signed, 1):
        raise AssertionError(
            "score_methods: a map that is 2 inside and -2 outside is equally strong everywhere, a lift of 1; got "
            f"{signed.tolist()}. Take magnitudes first: signs must not cancel, and negative evidence counts."
        )
    if not np.isfinite(blank).all() or not np.allclose(blank, [4, 0]):
        raise AssertionError(
            f"score_methods: a blank map has a lift of 0, not NaN. Expected (4, 0), got {blank.tolist()}."
        )
    if not np.allclose(got["the film itself"], 1):
        raise AssertionError(
            f"score_methods: a uniformly grey film has a lift of 1, got {got['the film itself'].round(2).tolist()}."
        )
    if not np.allclose(got["centred Gaussian"], [2.05, 0.57], atol=0.16):
        raise AssertionError(
            "score_methods: the Gaussian is centred on the film, with a standard deviation of a quarter of the "
            f"height and of the width. Its lifts here are about 2.05 and 0.57, got {got['centred Gaussian'].round(2).tolist()}."
        )
    return "score_methods: correct on these examples. The hidden checks use other films, masks, and the random baseline's seed."
