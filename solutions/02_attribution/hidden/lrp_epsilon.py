"""Hidden checks of lrp_epsilon: one function for each graded cell.

Weights and inputs are small whole numbers and biases end in a half, so that no sum is nearly zero by accident. Tolerance:
one part in a thousand of the largest share.
"""

import numpy as np
import tensorflow as tf


def _one_layer(layer, shape, rng, bias=True):
    """A network of one layer, with whole-numbered weights and biases that end in a half (or 0)."""
    film = tf.keras.Input(shape, name="inputs")
    network = tf.keras.Model(film, layer(film))
    kernel, offset = network.get_weights()
    halves = rng.integers(-3, 3, offset.shape) + 0.5 if bias else np.zeros(offset.shape)
    network.set_weights([rng.integers(-3, 4, kernel.shape), halves])
    return network


def _shares(network, inputs, relevance, epsilon):
    """The rule written out. Any one-layer network is a matrix, found by sending single ones through it."""
    shape = inputs.shape[1:]
    size = int(np.prod(shape))
    offset = np.asarray(network(np.zeros((1, *shape), np.float32)), float)
    matrix = np.asarray(network(np.eye(size, dtype=np.float32).reshape(size, *shape)), float) - offset
    matrix = matrix.reshape(size, -1)
    parts = inputs.reshape(len(inputs), size, 1) * matrix
    sums = parts.sum(axis=1) + offset.reshape(1, -1)
    steadied = np.where(sums >= 0, sums + epsilon, sums - epsilon)
    handed = relevance.reshape(len(inputs), -1) / steadied
    return (parts * handed[:, None]).sum(axis=2).reshape(inputs.shape)


def _differ(f, network, inputs, rng, epsilon):
    """How far the answer is from the rule, as part of the largest share."""
    relevance = rng.normal(size=network(inputs).shape).astype(np.float32)
    got = np.asarray(f(network, inputs.copy(), relevance.copy(), epsilon), float)
    if got.shape != inputs.shape:
        raise AssertionError("the relevance that comes back must have the shape of the inputs")
    wanted = _shares(network, inputs, relevance, epsilon)
    return np.abs(got - wanted).max() / max(np.abs(wanted).max(), 1e-9)


def lrp_epsilon_1(f, rng):
    """Dense layers: every input's share is its part of the sum, bias included, film by film."""
    for units, bias in ((1, True), (4, True), (6, False)):
        layer = tf.keras.layers.Dense(units, name="layer")
        network = _one_layer(layer, (5,), rng, bias)
        inputs = rng.integers(-4, 5, (3, 5)).astype(np.float32)
        # Without a bias a sum can be 0, where the answer hangs on epsilon alone: that is another cell's property.
        if not bias:
            inputs = inputs[(np.asarray(network(inputs)) != 0).all(axis=1)]
        if not len(inputs):
            continue
        if not _differ(f, network, inputs, rng, 1e-7) < 1e-3:
            raise AssertionError(
                "in a dense layer a share must be input times weight over the sum, times the relevance"
            )
    network = _one_layer(tf.keras.layers.Dense(3, use_bias=True, name="layer"), (4,), rng, bias=False)
    network.set_weights([np.abs(network.get_weights()[0]) + 1, np.zeros(3)])
    relevance = rng.normal(size=(2, 3)).astype(np.float32)
    got = np.asarray(f(network, rng.uniform(1, 2, (2, 4)).astype(np.float32), relevance, 1e-7))
    if not np.allclose(got.sum(axis=1), relevance.sum(axis=1), atol=1e-3):
        raise AssertionError("in a layer without bias the shares of a film must add up to its relevance")


def lrp_epsilon_2(f, rng):
    """Convolutions: strides, padding and several channels."""
    for strides, padding in ((1, "valid"), (1, "same"), (2, "same"), ((2, 1), "valid")):
        layer = tf.keras.layers.Conv2D(3, (3, 2), strides=strides, padding=padding, name="layer")
        network = _one_layer(layer, (6, 5, 2), rng)
        inputs = rng.integers(-2, 4, (2, 6, 5, 2)).astype(np.float32)
        if not _differ(f, network, inputs, rng, 1e-7) < 1e-3:
            raise AssertionError(
                "the shares of a convolution are not those of its windows, strides and padding included"
            )


def lrp_epsilon_3(f, rng):
    """Epsilon is honoured, takes the sign of each sum, and counts a sum of exactly 0 as positive."""
    network = _one_layer(tf.keras.layers.Dense(6, name="layer"), (5,), rng)
    inputs = rng.integers(-4, 5, (4, 5)).astype(np.float32)
    for epsilon in (0.25, 2.0):
        if not _differ(f, network, inputs, rng, epsilon) < 1e-3:
            raise AssertionError("with a larger epsilon the shares are wrong: it must push every sum away from zero")
    network = _one_layer(tf.keras.layers.Dense(2, name="layer"), (3,), rng, bias=False)
    network.set_weights([np.array([[1, 2], [-1, 1], [1, 1]]), np.zeros(2)])
    inputs = np.array([[2, 2, 0], [0, 0, 0]], np.float32)  # the first unit's sums are exactly 0
    with np.errstate(all="ignore"):
        got = np.asarray(f(network, inputs, np.ones((2, 2), np.float32), 0.5))
    if not np.isfinite(got).all():
        raise AssertionError("where a sum is exactly 0 the shares must be finite numbers")
    if not np.allclose(got, _shares(network, inputs, np.ones((2, 2)), 0.5), atol=1e-3):
        raise AssertionError("a sum of exactly 0 must count as positive, so that epsilon is added to it")
