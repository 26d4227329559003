"""Hidden checks of integrated_gradients: one function for each graded cell."""

import numpy as np


def _relu_network(rng, shape):
    """A ReLU network without biases: its value and its gradient. Its slope does not change on the way from black."""
    first, second = rng.normal(size=(20, int(np.prod(shape)))), np.abs(rng.normal(size=20))

    def value(film):
        return float(second @ np.maximum(first @ np.ravel(film), 0))

    def gradient_of(film):
        return ((second * (first @ np.ravel(np.asarray(film, float)) > 0)) @ first).reshape(shape)

    return value, gradient_of


def _curved(rng, shape):
    """A smooth function whose slope rises all the way."""
    w = np.abs(rng.normal(size=shape)) / np.prod(shape)
    return lambda film: float(np.sum(w * film**3)), lambda film: 3 * w * np.asarray(film, float) ** 2


def _map(f, gradient_of, film, baseline, steps):
    got = np.asarray(f(gradient_of, film.copy(), baseline.copy(), steps), float)
    if got.shape != film.shape:
        raise AssertionError("the map must have the shape of the film, channels included")
    return got


def _straight_way(f, rng):
    """Gradients are asked for on the straight way only, at most steps + 1 of them; film and baseline stay."""
    film, baseline = rng.uniform(1, 5, (4, 4, 3)), rng.uniform(-3, 0, (4, 4, 3))
    before, shares = (film.copy(), baseline.copy()), []

    def gradient_of(x):
        x = np.asarray(x, float)
        if x.shape != film.shape:
            raise AssertionError("gradient_of takes one film (H, W, C), the shape of the one that was given")
        shares.append((x - before[1]) / (before[0] - before[1]))
        return np.ones(film.shape)

    f(gradient_of, film, baseline, 10)
    if not (np.array_equal(film, before[0]) and np.array_equal(baseline, before[1])):
        raise AssertionError("film and baseline must be unchanged")
    if not 10 <= len(shares) <= 11:
        raise AssertionError("the gradient must be asked for once a step (a trapezoid's rule needs one more)")
    at = np.array(shares).reshape(len(shares), -1)
    if np.ptp(at, axis=1).max() > 1e-4 or at.min() < -1e-4 or at.max() > 1 + 1e-4:
        raise AssertionError("every point must lie on the straight way from the baseline to the film")
    if np.ptp(np.diff(np.sort(at[:, 0]))) > 1e-4 or np.ptp(at[:, 0]) < 0.85:
        raise AssertionError("the points must be spread evenly over the whole way")


def integrated_gradients_1(f, rng):
    """With 64 steps the map adds up to value at the film minus value at the baseline, within 1 %, for any baseline."""
    shape = (4, 3, 3)
    for make, kinds in ((_relu_network, ("black", "below")), (_curved, ("black", "grey", "below"))):
        value, gradient_of = make(rng, shape)
        for kind in kinds:
            film = rng.uniform(2, 4, shape)
            baseline = {"black": np.zeros(shape), "grey": np.full(shape, 1.0), "below": film * 0.3}[kind]
            owed = value(film) - value(baseline)
            if abs(_map(f, gradient_of, film, baseline, 64).sum() - owed) > 0.01 * abs(owed):
                raise AssertionError(
                    "the map must add up to the value at the film minus the value at the baseline, within one per cent "
                    "with 64 steps, for any baseline: is the way right, and does each point stand in the middle of "
                    "its step (or is the rule a trapezoid's)?"
                )


def integrated_gradients_2(f, rng):
    """On a linear function each pixel gets weight times way; gradients are taken on the straight way only."""
    for steps in (2, 7, 32):
        w, film, baseline = (rng.normal(size=(5, 4, 3)) for _ in range(3))
        film[1] = baseline[1]
        got = _map(f, lambda x, w=w: w.copy(), film, baseline, steps)
        if np.abs(got[1]).max() > 1e-6:
            raise AssertionError("a pixel that is the same in film and baseline has come no way: it gets nothing")
        if not np.allclose(got, w * (film - baseline), rtol=1e-4, atol=1e-5):
            raise AssertionError(
                "on a linear function the share of a pixel is its weight times (film minus baseline), with any number "
                "of steps"
            )
    _straight_way(f, rng)
