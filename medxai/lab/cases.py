"""Two films to show side by side: one that the network gets right and one that it gets wrong.

The choice of films influences what readers believe. They are therefore chosen by a rule, the rule is stated next to them,
and if the network makes no mistake, the text says so.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Pair(NamedTuple):
    """A hit and a miss of the same class.

    Attributes
    ----------
    hit, miss : int
        Rows of the two films.
    mistaken : bool
        Whether the network really misses `miss`; if not, it is only the harder film.
    text : str
        The rule and the two scores, in words; show it next to the films.
    """

    hit: int
    miss: int
    mistaken: bool
    text: str

    @property
    def films(self) -> np.ndarray:
        """Both rows, int (2,), the hit first: `images[pair.films]`."""
        return np.array([self.hit, self.miss])


def hit_and_miss(labels: np.ndarray, scores: np.ndarray, threshold: float, target: int = 1) -> Pair:
    """A typical hit and the clearest miss among the films of one class.

    A film is called if its score >= threshold. The hit is the called film of the class with the median score (the higher
    of two in the middle), so that it is typical rather than the best. The miss is the uncalled film with the lowest
    score. If every film is called, the one with the lowest score replaces the miss; if none is, the one with the highest
    score replaces the hit. `Pair.text` says so.

    Parameters
    ----------
    labels : int array, (N,)
        The true classes.
    scores : array, (N,)
        Probability of `target`, from 0 to 1.
    threshold : float
        From 0 to 1, chosen on other films (`metrics.operating_point`).
    target : int
        The class of the two films.

    Raises
    ------
    ValueError
        Wrong shapes, scores that are not probabilities, or fewer than two films of the class.

    >>> hit_and_miss([1, 1, 1, 1, 0], [0.9, 0.8, 0.7, 0.2, 0.4], threshold=0.5).films
    array([1, 3])
    """
    labels, scores = np.asarray(labels), np.asarray(scores, dtype=float)
    if scores.ndim == 2:
        raise ValueError(
            f"hit_and_miss: expected one score per film, the probability of class {target}; got shape {scores.shape}. "
            f"Take one column: scores[:, {target}]."
        )
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise ValueError(
            f"hit_and_miss: expected labels and scores of the same shape (N,), got {labels.shape} and {scores.shape}."
        )
    if not np.all((scores >= 0) & (scores <= 1)):  # NaN included
        raise ValueError("hit_and_miss: expected probabilities from 0 to 1. Are these logits, or is there a NaN?")
    of_class = np.flatnonzero(labels == target)
    if len(of_class) < 2:
        raise ValueError(
            f"hit_and_miss: expected at least two films of class {target}, got {len(of_class)} among {len(labels)} films. "
            f"The classes are {', '.join(map(str, np.unique(labels))) or 'none'}: fetch more films or choose another class."
        )
    ranked = of_class[np.argsort(scores[of_class], kind="stable")]
    called = ranked[scores[ranked] >= threshold]
    missed = ranked[scores[ranked] < threshold]

    def scored(film: int) -> str:
        return f"film {film} (score {scores[film]:.3f})"

    start = f"Of {len(ranked)} films of class {target}, {len(called)} are called at the threshold {threshold:.3f}. "
    if not len(called):
        hit, miss = ranked[-1], ranked[0]
        text = f"There is no hit to show; {scored(hit)} comes closest. The miss: {scored(miss)}, the lowest."
    elif not len(missed):
        hit, miss = called[len(called) // 2], called[0]
        text = (
            f"The hit: {scored(hit)}, the median of these. The network misses none of them here, so a harder film "
            f"replaces the miss: {scored(miss)}, the lowest."
        )
    else:
        hit, miss = called[len(called) // 2], missed[0]
        text = f"The hit: {scored(hit)}, the median of these. The miss: {scored(miss)}, the lowest of the others."
    return Pair(int(hit), int(miss), bool(len(missed)), start + text)
