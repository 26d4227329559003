"""Hidden checks of signal_direction: one function for each graded cell.

The made-up inputs are signal times direction plus a distractor that the weights do not see. Every signal comes with a
distractor and with its opposite, so the right answer is exact; tolerance 0.02.
"""

import numpy as np


def _inputs(rng, signal, distractor, strength=1.0, mean=0.0, off=None, bias=0.0, n=600):
    """Inputs (2n, F); those that do not fire carry their signal along `off`."""
    s, d = rng.normal(0, 1, (2, n))
    s, d = np.tile(s, 2), np.concatenate([d, -d]) * strength + mean
    along = np.where((s + bias > 0)[:, None], signal, signal if off is None else off)
    return s[:, None] * along + d[:, None] * distractor


def _far(f, inputs, weights, bias, signal):
    a = np.asarray(f(inputs.copy(), weights.copy(), bias), float)
    if a.shape != weights.shape:
        raise AssertionError("the direction must have one number for each input")
    return not np.allclose(a, signal, atol=0.02)


def signal_direction_1(f, rng):
    """The signal is found, whatever the size and the mean of the distractor."""
    for strength, mean in ((1, 0), (10, 0), (1, 5), (3, -4)):
        signal, distractor = np.array([1.0, 0.0]), np.array([1.0, 1.0])
        inputs = _inputs(rng, signal, distractor, strength, mean)
        if _far(f, inputs, np.array([1.0, -1.0]), 0.0, signal):
            raise AssertionError("the direction moves with the distractor: it must be that of the signal alone")


def signal_direction_2(f, rng):
    """Only inputs that make the unit fire count, and the bias belongs to firing."""
    for bias in (0.0, 0.7, -0.7):
        inputs = _inputs(rng, np.array([1.0, 0.0]), np.array([1.0, 1.0]), off=np.array([3.0, 2.0]), bias=bias)
        if _far(f, inputs, np.array([1.0, -1.0]), bias, [1, 0]):
            raise AssertionError(
                "inputs for which the unit is silent take part, or the bias was left out of the question"
            )


def signal_direction_3(f, rng):
    """Weights times direction is 1, with any number of inputs; a unit that never fires has the direction 0."""
    distractor = rng.normal(size=6)
    weights = rng.normal(size=6)
    weights -= distractor * (weights @ distractor) / (distractor @ distractor)
    signal = rng.normal(size=6)
    signal /= weights @ signal
    signal += 0.5 * distractor
    length = np.linalg.norm(signal) / 3  # never near 1, so that a direction of length 1 is wrong whatever was drawn
    signal, weights = signal / length, weights * length
    inputs = _inputs(rng, signal, distractor, strength=2.0, mean=1.0)
    a = np.asarray(f(inputs, weights, 0.1), float)
    if a.shape != (6,) or not np.isclose(weights @ a, 1, atol=1e-3):
        raise AssertionError(
            "weights times direction must be 1: the direction says how much input one unit of output is"
        )
    with np.errstate(all="ignore"):
        dead = np.asarray(f(inputs, weights, -1e6), float)
    if dead.shape != (6,) or dead.any():
        raise AssertionError("of a unit that never fires nothing is known: its direction must be 0, not NaN")
