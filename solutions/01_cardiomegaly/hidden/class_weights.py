"""Hidden checks of class_weights: one function for each graded cell."""

import numpy as np


def class_weights_1(f, rng):
    """All classes weigh the same in total, two classes or more."""
    for classes in (2, 4):
        labels = rng.permutation(np.repeat(np.arange(classes), rng.integers(2, 90, classes)))
        weights = f(labels.copy())
        if not isinstance(weights, dict) or sorted(int(k) for k in weights) != list(range(classes)):
            raise AssertionError("the result must be a dict with one weight for each class that occurs")
        totals = [float(weights[c]) * np.sum(labels == c) for c in range(classes)]
        if min(totals) <= 0 or max(totals) > min(totals) * (1 + 1e-6):
            raise AssertionError("number of films times weight must be the same for every class")


def class_weights_2(f, rng):
    """The mean weight of a film is 1, so that the learning rate keeps its meaning."""
    labels = rng.permutation(np.repeat([0, 1, 2], rng.integers(3, 200, 3)))
    weights = f(labels.copy())
    mean = np.mean([float(weights[int(label)]) for label in labels])
    if not np.isclose(mean, 1, rtol=1e-6):
        raise AssertionError("averaged over the films the weight must be 1")
