"""Hidden checks of centre. Messages name the property, never an input or an expected value."""

import numpy as np


def centre_1(f, rng):
    """The mean becomes 0 and all differences are unchanged, to 1e-9."""
    for _ in range(2):
        values = rng.normal(rng.uniform(-50, 50), 5, rng.integers(4, 9))
        out = np.asarray(f(values.copy()), float)
        if out.shape != values.shape:
            raise AssertionError("the number of values must not change")
        if not np.allclose(out, values - values.mean(), atol=1e-9):
            raise AssertionError("the mean must become 0, and the differences between values must not change")


def centre_2(f, rng):
    """Equal values become 0."""
    planted_values = np.full(rng.integers(3, 9), 27182.0)
    if not np.allclose(np.asarray(f(planted_values), float), np.zeros(len(planted_values))):
        raise AssertionError("equal values all equal their mean, so they must become 0")
