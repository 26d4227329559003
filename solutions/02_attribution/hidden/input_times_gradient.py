"""Hidden checks of input_times_gradient: one function for each graded cell."""

import numpy as np


def _network(rng, classes):
    """A small ReLU network without biases, which gives logits."""
    import tensorflow as tf

    layers = tf.keras.layers
    film = layers.Input((5, 4, 3), name="film")
    x = layers.Conv2D(4, 2, activation="relu", use_bias=False, name="conv")(film)
    out = layers.Dense(classes, use_bias=False, name="logits")(layers.Flatten(name="flatten")(x))
    model = tf.keras.Model(film, out)
    model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.get_weights()])
    return model


def _maps(f, model, films, target):
    got = np.asarray(f(model, films, target), float)
    if got.shape != films.shape:
        raise AssertionError("there must be a number for each pixel and channel of each film: the shape of the films")
    return got


def _shares(got, films, logit, network_gradient):
    if not np.allclose(got.sum(axis=(1, 2, 3)), logit, rtol=1e-4, atol=1e-4 * np.abs(logit).max()):
        return False
    return np.allclose(got, films * network_gradient, rtol=1e-3, atol=1e-4 * np.abs(got).max())


def _gradient(model, films, target):
    """By the chain rule in NumPy: the network is linear where its ReLUs do not switch."""
    kernel, dense = (w.astype(float) for w in model.get_weights())
    before = np.zeros((len(films), 4, 3, 4))
    for i in range(2):
        for j in range(2):
            before += films[:, i : 4 + i, j : 3 + j].astype(float) @ kernel[i, j]
    back = dense[:, target].reshape(4, 3, 4) * (before > 0)
    out = np.zeros(films.shape)
    for i in range(2):
        for j in range(2):
            out[:, i : 4 + i, j : 3 + j] += back @ kernel[i, j].T
    return out


def _alone_and_unchanged(f, rng):
    """Films stay as they were, and a film alone gives what it gives in a batch."""
    model, films = _network(rng, 2), rng.normal(size=(3, 5, 4, 3)).astype(np.float32)
    before = films.copy()
    together = _maps(f, model, films, 1)
    if not np.array_equal(films, before):
        raise AssertionError("the films that went in must be unchanged")
    alone = _maps(f, model, before[1:2].copy(), 1)
    if not np.allclose(alone[0], together[1], rtol=1e-3, atol=1e-5):
        raise AssertionError("a film's map must not depend on the other films of the batch")


def input_times_gradient_1(f, rng):
    """Pixel times gradient, film by film: on a ReLU network without biases the map adds up to the logit (1e-4)."""
    model, films = _network(rng, 1), rng.normal(size=(3, 5, 4, 3)).astype(np.float32)
    got = _maps(f, model, films.copy(), 0)
    if not _shares(got, films, np.asarray(model(films))[:, 0], _gradient(model, films, 0)):
        raise AssertionError(
            "each number must be the pixel times the logit's slope there; on a ReLU network without biases a map then "
            "adds up to its logit"
        )
    _alone_and_unchanged(f, rng)


def input_times_gradient_2(f, rng):
    """The class that was asked for is explained, whichever wins."""
    model, films = _network(rng, 3), rng.normal(size=(4, 5, 4, 3)).astype(np.float32)
    logits = np.asarray(model(films))
    for target in range(3):
        got = _maps(f, model, films.copy(), target)
        if not _shares(got, films, logits[:, target], _gradient(model, films, target)):
            raise AssertionError(
                "the map must be that of the class asked for, alone: not of the winner, not of all outputs together"
            )
