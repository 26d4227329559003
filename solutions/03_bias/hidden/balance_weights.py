"""Hidden checks of balance_weights: one function for each graded cell."""

import numpy as np


def _films(rng):
    labels = rng.permutation(np.r_[np.ones(40, int), np.zeros(60, int)])
    carries = np.where(rng.uniform(size=100) < 0.85, labels, 1 - labels).astype(bool)
    for label in (0, 1):  # every combination occurs
        rows = np.flatnonzero(labels == label)
        carries[rows[0]], carries[rows[1]] = True, False
    return labels, carries


def balance_weights_1(f, rng):
    """Under the weights cue and class are independent, and both are as common as they were (1e-6)."""
    for _ in range(3):
        labels, carries = _films(rng)
        weights = np.asarray(f(labels.copy(), carries.copy())[0], float)
        if weights.shape != labels.shape or not (weights > 0).all():
            raise AssertionError("every film needs a weight above 0")
        share = weights / weights.sum()
        ill, cue = (share * labels).sum(), (share * carries).sum()
        if not np.isclose((share * labels * carries).sum(), ill * cue, atol=1e-6):
            raise AssertionError("under the weights, knowing the cue must tell nothing about the class")
        if not np.allclose([ill, cue], [labels.mean(), carries.mean()], atol=1e-6) or not np.isclose(
            weights.sum(), 100
        ):
            raise AssertionError("the weights add up to the number of films and leave both shares as they were")


def balance_weights_2(f, rng):
    """The effective number of films is the squared sum of the weights over the sum of their squares."""
    labels, carries = _films(rng)
    weights, effective = f(labels, carries)
    weights = np.asarray(weights, float)
    if not np.isclose(float(effective), weights.sum() ** 2 / (weights**2).sum()):
        raise AssertionError("the effective number is the squared sum of the weights over the sum of their squares")
    equal = f(np.array([0, 0, 1, 1]), np.array([True, False, True, False]))
    if not np.isclose(float(equal[1]), 4):
        raise AssertionError("where cue and class are independent already, every film counts in full")
