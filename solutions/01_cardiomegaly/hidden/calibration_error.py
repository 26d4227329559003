"""Hidden checks of calibration_error: one function for each graded cell."""

import numpy as np


def calibration_error_1(f, rng):
    """Equals the sum over bins of share times gap, for any number of bins."""
    for bins in (5, 10, 16):
        probabilities = rng.beta(0.5, 0.8, 300)
        probabilities[:5] = 0.0, 1.0, 1.0, 0.999, 0.001
        labels = (rng.uniform(size=300) < probabilities**2).astype(int)
        labels[probabilities < 0.05] = 1  # too low here, too high in the middle: gaps with a sign cancel in part
        labels[1] = 0  # sure and wrong, at the very end of the last bin
        index = np.minimum((probabilities * bins).astype(int), bins - 1)
        gaps = [abs(np.sum(labels[index == b] - probabilities[index == b])) / 300 for b in range(bins)]
        got = float(f(labels.copy(), probabilities.copy(), bins))
        if not np.isfinite(got):
            raise AssertionError("the error is not a number: what does an empty bin do?")
        if not np.isclose(got, sum(gaps), atol=1e-9):
            raise AssertionError(
                "the error must be the sum over equal bins of (share of the films) x |observed share - mean probability|"
            )


def calibration_error_2(f, rng):
    """Honest probabilities have no error, and sure but wrong ones the largest."""
    probabilities = np.repeat([0.2, 0.6], [10, 10])
    labels = np.concatenate([rng.permutation([1] * 2 + [0] * 8), rng.permutation([1] * 6 + [0] * 4)])
    if not np.isclose(float(f(labels, probabilities, 10)), 0, atol=1e-9):
        raise AssertionError("when in every bin the share of positives is what was promised, the error is 0")
    truth = rng.permutation(np.arange(20) % 2)
    if not np.isclose(float(f(truth, 1.0 - truth, 10)), 1, atol=1e-9):
        raise AssertionError("a network that is sure and always wrong has an error of 1")
