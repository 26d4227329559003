"""Hidden checks of alpha_beta: one function for each graded cell."""

import numpy as np


def _layer(rng):
    """Whole-numbered contributions, of which every unit has some of both signs."""
    while True:
        inputs, weights = rng.integers(-3, 4, (3, 5)).astype(float), rng.integers(-3, 4, (5, 4)).astype(float)
        parts = inputs[:, :, None] * weights
        if (parts > 0).any(axis=1).all() and (parts < 0).any(axis=1).all():
            return inputs, weights, rng.normal(size=(3, 4)), parts


def alpha_beta_1(f, rng):
    """Positive and negative contributions share separately, for any alpha and beta."""
    for alpha, beta in ((1, 0), (2, 1), (1.5, 0.5)):
        inputs, weights, relevance, parts = _layer(rng)
        plus, minus = np.clip(parts, 0, None), np.clip(parts, None, 0)
        wanted = alpha * plus / plus.sum(1, keepdims=True) - beta * minus / minus.sum(1, keepdims=True)
        got = np.asarray(f(inputs.copy(), weights.copy(), relevance.copy(), alpha, beta))
        if got.shape != inputs.shape or not np.allclose(got, (wanted * relevance[:, None]).sum(2), atol=1e-6):
            raise AssertionError(
                "the shares must be alpha times those of the positive minus beta times those of the negative products"
            )
        if not np.allclose(got.sum(axis=1), relevance.sum(axis=1), atol=1e-6):
            raise AssertionError("with alpha minus beta equal to 1 nothing may be lost")


def alpha_beta_2(f, rng):
    """A unit without positive (or without negative) contributions gives no NaN."""
    inputs, weights = rng.uniform(1, 2, (2, 3)), np.array([[1.0, -1.0], [2.0, -2.0], [1.0, -1.0]])
    with np.errstate(all="ignore"):
        got = np.asarray(f(inputs, weights, np.ones((2, 2)), 2, 1))
    if not np.isfinite(got).all():
        raise AssertionError("a unit whose products all have one sign must not give NaN: the empty side shares nothing")
    # The first unit hands out alpha = 2, the second takes beta = 1.
    if not np.allclose(got.sum(axis=1), 1.0, atol=1e-4):
        raise AssertionError("where one sign is missing, only the other side's part is shared out")
