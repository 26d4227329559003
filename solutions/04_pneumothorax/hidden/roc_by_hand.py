"""Hidden checks of roc_by_hand: one function for each graded cell."""

import numpy as np


def _films(rng, count, decimals, share=0.4, most=1.0):
    """Labels and two columns of probabilities; few decimals make many ties, a low `most` a tie of both classes at the top."""
    labels = rng.permutation(np.arange(count) < share * count).astype(int)
    ill = np.round(1 / (1 + np.exp(-rng.normal(1.2 * labels, 1.0))), decimals)
    ill = np.minimum(ill, most)
    return labels, np.stack([1 - ill, ill], axis=1)


def answer_of(f, labels, probabilities):
    got = f(labels.copy(), probabilities.copy())
    if not isinstance(got, tuple | list) or len(got) != 3:
        raise AssertionError("three things come back: 1 - specificity, sensitivity, and the area")
    return np.asarray(got[0], float), np.asarray(got[1], float), float(np.asarray(got[2], float))


def roc_by_hand_1(f, rng):
    """The points are scikit-learn's, to 1e-12, with and without ties."""
    from sklearn.metrics import roc_curve

    for count, decimals, share in ((80, 12, 0.4), (120, 1, 0.2), (60, 2, 0.7)):
        labels, probabilities = _films(rng, count, decimals, share)
        fpr, tpr, _ = answer_of(f, labels, probabilities)
        x, y, _ = roc_curve(labels, probabilities[:, 1], drop_intermediate=False)
        if fpr.shape != tpr.shape or fpr.ndim != 1:
            raise AssertionError("the two arrays must hold a coordinate each of the same points")
        if len(fpr) != len(x):
            raise AssertionError(
                "there must be the point (0, 0) and then one for each distinct score: equal scores make one step together"
            )
        if not (np.allclose(fpr, x, rtol=0, atol=1e-12) and np.allclose(tpr, y, rtol=0, atol=1e-12)):
            raise AssertionError(
                "the points are not those of the curve: from the highest probability of pneumothorax downwards, 1 - specificity "
                "across and sensitivity up"
            )


def roc_by_hand_2(f, rng):
    """The area is scikit-learn's, to 1e-12, with and without ties."""
    from sklearn.metrics import roc_auc_score

    for count, decimals, share, most in ((80, 12, 0.4, 1.0), (150, 1, 0.3, 0.6)):
        labels, probabilities = _films(rng, count, decimals, share, most)
        area = answer_of(f, labels, probabilities)[2]
        if not np.isclose(area, roc_auc_score(labels, probabilities[:, 1]), rtol=0, atol=1e-12):
            raise AssertionError(
                "the area is not that under the curve of pneumothorax: trapezoids, also where films tie"
            )


def roc_by_hand_3(f, rng):
    """A score that knows nothing has area 0.5, however the films are sorted; one class only is refused."""
    for labels in (np.repeat([1, 0], [5, 8]), np.repeat([0, 1], [5, 8]), np.tile([0, 1, 0], 4)):
        if not np.isclose(answer_of(f, labels, np.full((len(labels), 2), 0.5))[2], 0.5):
            raise AssertionError(
                "a score that is the same for all films has area 0.5, in whatever order the films come"
            )
    for label in (0, 1):
        try:
            f(np.full(6, label), _films(rng, 6, 3)[1])
        except ValueError:
            continue
        raise AssertionError("films of one class only have no curve: that must be a ValueError, not a number")
