"""Hidden checks of operating_point: one function for each graded cell."""

import numpy as np


def _ward(rng, n=150, shift=1.0):
    labels = rng.permutation(np.arange(n) % 3 == 0).astype(int)
    return labels, np.round(rng.normal(labels * shift, 1.0), 1)  # rounding makes ties


def operating_point_1(f, rng):
    """The highest threshold that reaches the wanted sensitivity on validation, ties included."""
    for wanted in (0.8, 0.9, 0.95):
        labels, scores = _ward(rng)
        threshold = float(f(labels, scores, *_ward(rng), wanted)[0])
        positive = scores[labels == 1]
        if np.mean(positive >= threshold) < wanted - 1e-9:
            raise AssertionError(
                "at this threshold the wanted sensitivity is not reached on validation (a score at the threshold counts as called)"
            )
        higher = np.unique(positive[positive > threshold])
        if higher.size and np.mean(positive >= higher[0]) >= wanted - 1e-9:
            raise AssertionError(
                "a higher threshold reaches the wanted sensitivity too: this one calls more healthy people than needed"
            )
        if not np.any(np.isclose(positive, threshold, atol=1e-9)):
            raise AssertionError("the highest such threshold is always the score of a positive validation film")


def operating_point_2(f, rng):
    """The threshold moves with the validation set and never with the test set."""
    validation, others = _ward(rng), [_ward(rng, 90, shift) for shift in (0.0, 1.0, 3.0)]
    thresholds = [float(f(*validation, *test, 0.9)[0]) for test in others]
    if np.ptp(thresholds) > 1e-12:
        raise AssertionError("the threshold changed when only the test set was changed: it was chosen on the test set")
    labels, scores = validation
    moved = float(f(labels, scores + 2.0, *others[0], 0.9)[0])
    if not np.isclose(moved, thresholds[0] + 2.0):
        raise AssertionError(
            "when all validation scores rise by two, the threshold must rise by two: it is not chosen on validation"
        )


def operating_point_3(f, rng):
    """Sensitivity and specificity are those of the test set at that threshold."""
    for _ in range(3):
        test_labels, test_scores = _ward(rng, 120)
        threshold, sensitivity, specificity = (float(v) for v in f(*_ward(rng), test_labels, test_scores, 0.85))
        called = test_scores >= threshold
        if not np.isclose(sensitivity, called[test_labels == 1].mean()):
            raise AssertionError("the sensitivity must be the share of positive test films at or above the threshold")
        if not np.isclose(specificity, 1 - called[test_labels == 0].mean()):
            raise AssertionError("the specificity must be the share of negative test films below the threshold")
