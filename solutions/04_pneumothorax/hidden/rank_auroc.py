"""Hidden checks of rank_auroc: one function for each graded cell."""

import numpy as np


def share_won(labels, scores):
    ill, healthy = scores[labels == 1][:, None], scores[labels == 0]
    return float(np.mean((ill > healthy) + 0.5 * (ill == healthy)))


def _films(rng, count, share):
    labels = rng.permutation(np.arange(count) < share * count).astype(int)
    return labels, rng.normal(labels, 1.0)


def rank_auroc_1(f, rng):
    """The share of pairs that the ill film wins, for scores of any size and sign."""
    for count, share, scale in ((50, 0.3, 1.0), (41, 0.7, 100.0), (30, 0.5, 1e-3)):
        labels, scores = _films(rng, count, share)
        if not np.isclose(
            float(np.asarray(f(labels.copy(), scale * scores), float)), share_won(labels, scores), atol=1e-9
        ):
            raise AssertionError(
                "the area must be the share of pairs of one ill and one healthy film in which the ill one scores higher"
            )


def rank_auroc_2(f, rng):
    """A tie counts half: many ties, more of them than anything else."""
    labels = rng.permutation(np.repeat([0, 1], [30, 20]))
    scores = np.where(
        labels == 1, rng.permutation(np.resize([1.0, 1.0, 2.0], 50)), rng.permutation(np.resize([0.0, 1.0, 1.0], 50))
    )
    if not np.isclose(float(np.asarray(f(labels.copy(), scores.copy()), float)), share_won(labels, scores), atol=1e-9):
        raise AssertionError("a pair with equal scores counts half, wherever the two films stand in the list")
    for order in (np.sort(labels), np.sort(labels)[::-1]):
        if not np.isclose(float(np.asarray(f(order.copy(), np.full(50, 3.0)), float)), 0.5, atol=1e-9):
            raise AssertionError("when all scores are equal the area is 0.5")


def rank_auroc_3(f, rng):
    """Only the order counts; turned round, the area is one minus itself."""
    labels, scores = _films(rng, 60, 0.4)
    area = float(np.asarray(f(labels.copy(), scores.copy()), float))
    for stretched in (np.exp(scores), scores**3, 5 * scores - 40):
        if not np.isclose(float(np.asarray(f(labels.copy(), stretched), float)), area, atol=1e-9):
            raise AssertionError("stretching or moving the scores keeps their order, so the area must stay as it is")
    if not np.isclose(float(np.asarray(f(labels.copy(), -scores), float)), 1 - area, atol=1e-9):
        raise AssertionError("with all scores turned round, the area must be one minus what it was")
