"""Hidden checks of bootstrap_interval: one function for each graded cell."""

import numpy as np


def area(labels, scores):
    positive, negative = scores[labels == 1], scores[labels == 0]
    return np.mean((positive[:, None] > negative) + 0.5 * (positive[:, None] == negative))


def trusted(labels, scores, patients, level, rng, resamples=4000):
    """The same bootstrap for all resamples at once: how often a patient was drawn is a weight of its films."""
    unique, owner = np.unique(patients, return_inverse=True)
    draws = rng.integers(0, len(unique), (resamples, len(unique)))
    times = np.stack([np.bincount(draw, minlength=len(unique)) for draw in draws])[:, owner]
    positive, negative = times[:, labels == 1].astype(float), times[:, labels == 0].astype(float)
    won = scores[labels == 1][:, None] - scores[labels == 0]
    total = ((positive @ (np.sign(won) / 2 + 0.5)) * negative).sum(1)
    pairs = positive.sum(1) * negative.sum(1)
    return np.quantile(total[pairs > 0] / pairs[pairs > 0], [(1 - level) / 2, (1 + level) / 2])


def _clinic(rng, n_patients=60, films=3, positives=20, shift=1.0):
    finding = rng.permutation(np.arange(n_patients) < positives).astype(int)
    own = rng.normal(finding * shift, 1.0)
    patients = np.repeat(rng.permutation(1000)[:n_patients], films)
    scores = np.repeat(own, films) + rng.normal(0, 0.1, n_patients * films)
    order = rng.permutation(n_patients * films)
    return np.repeat(finding, films)[order], scores[order], patients[order]


def bootstrap_interval_1(f, rng):
    """Patients are drawn, with replacement, with all their films: the width agrees with a trusted bootstrap."""
    ratios = []
    for _ in range(2):
        data = _clinic(rng)
        low, high = (float(v) for v in f(*data, 500, 0.95, int(rng.integers(1000))))
        reference = trusted(*data, 0.95, rng)
        if not low < area(*data[:2]) < high:
            raise AssertionError("the interval must contain the area under the curve of the data itself")
        ratios.append((high - low) / np.ptp(reference))
    if np.mean(ratios) < 0.87:
        raise AssertionError(
            "the interval is too narrow: films of one patient are not independent. Draw patients with replacement, "
            "each time with all their films"
        )
    if np.mean(ratios) > 1.15:
        raise AssertionError("the interval is too wide for its level")


def bootstrap_interval_2(f, rng):
    """A rare class: resamples that hold one class only are drawn again and never spoil the interval."""
    labels, scores, patients = _clinic(rng, 14, 2, 2, shift=4.0)
    try:
        low, high = (float(v) for v in f(labels, scores, patients, 200, 0.9, 5))
    except (ValueError, ZeroDivisionError):
        raise AssertionError(
            "with two positive patients many resamples hold one class only; the function stopped there"
        ) from None
    if not (np.isfinite(low) and np.isfinite(high)):
        raise AssertionError("with two positive patients an end of the interval is not a number")
    if not np.allclose([low, high], trusted(labels, scores, patients, 0.9, rng), atol=0.1):
        raise AssertionError(
            "resamples with one class only must be left out or drawn again, not counted as 0, 0.5 or 1"
        )
    data = _clinic(rng, 14, 2, 2, shift=0.0)
    if np.ptp([float(v) for v in f(*data, 150, 0.9, 6)]) < 0.5 * np.ptp(trusted(*data, 0.9, rng)):
        raise AssertionError("two positive patients say little: the interval must be wide")


def bootstrap_interval_3(f, rng):
    """The level is honoured, and the seed decides."""
    data = _clinic(rng)
    wide, narrow = (np.ptp([float(v) for v in f(*data, 250, level, 1)]) for level in (0.95, 0.5))
    if not 0.2 < narrow / wide < 0.5:
        raise AssertionError(
            "an interval at level 0.5 must be about a third as wide as at 0.95: which quantiles are taken?"
        )
    first, again, other = (tuple(map(float, f(*data, 60, 0.9, seed))) for seed in (1, 1, 2))
    if not np.allclose(first, again) or np.allclose(first, other, atol=1e-12):
        raise AssertionError("the same seed must give the same interval again, another seed another one")
