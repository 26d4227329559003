"""How good a classifier is, and how certain that is. NumPy only; larger scores mean more likely positive.

Films of one patient resemble each other, so every interval here is a bootstrap over *patients*: whole patients are
drawn with replacement, each with all of their films (Efron and Tibshirani, An Introduction to the Bootstrap, 1993;
for clustered data Field and Welsh, J. R. Statist. Soc. B 69, 2007). A resample without one of the classes has no AUROC
and is redrawn; `Interval.redrawn` counts these.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

Statistic = Callable[[np.ndarray, np.ndarray], float]

# Resample weights are processed in blocks of about this many numbers, to limit memory on large image sets.
_BLOCK = 4_000_000


class Interval(NamedTuple("Interval", [("value", float), ("low", float), ("high", float)])):
    """(value, low, high), with the number of redrawn resamples as `redrawn`."""

    redrawn: int = 0

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class OperatingPoint(NamedTuple):
    """A threshold and its results on the films it was chosen on; a film is called positive if score >= threshold."""

    threshold: float
    sensitivity: float
    specificity: float


# ---- statistics -----------------------------------------------------------------------------------------------------


def auroc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve: the probability that a positive film scores above a negative one, ties counting half.

    Parameters
    ----------
    labels : array, (N,)
        0 or 1.
    scores : array, (N,)

    Returns
    -------
    float
        From 0 to 1; a constant score gives 0.5.

    Raises
    ------
    ValueError
        A class is missing.

    References
    ----------
    Hanley and McNeil, Radiology 143, 1982.
    """
    labels, scores = _binary(labels), _column(scores, "scores", labels)
    _both_classes(labels, "auroc")
    return float(_weighted_auroc(labels, scores, np.ones((1, len(labels))))[0])


def sensitivity(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Share of the positive films that are called positive.

    Parameters
    ----------
    labels, predictions : array, (N,)
        0 or 1.

    Returns
    -------
    float
        From 0 to 1; NaN without positive films.
    """
    labels, predictions = _binary(labels), _binary(predictions, "predictions")
    return float(_weighted_share(labels == 1, predictions == 1, np.ones((1, len(labels))))[0])


def specificity(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Share of the negative films that are called negative.

    Parameters
    ----------
    labels, predictions : array, (N,)
        0 or 1.

    Returns
    -------
    float
        From 0 to 1; NaN without negative films.
    """
    labels, predictions = _binary(labels), _binary(predictions, "predictions")
    return float(_weighted_share(labels == 0, predictions == 0, np.ones((1, len(labels))))[0])


def accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Share of all films that are classified correctly; compare it with the share of the larger class.

    Parameters
    ----------
    labels, predictions : array, (N,)

    Returns
    -------
    float
        From 0 to 1.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    return float(np.mean(labels == predictions))


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: int = 2) -> np.ndarray:
    """Counts of truth against prediction.

    Parameters
    ----------
    labels, predictions : int array, (N,)
        From 0 to classes - 1.
    classes : int

    Returns
    -------
    int array, (classes, classes)
        Row = truth, column = prediction; with two classes
        [[true negatives, false positives], [false negatives, true positives]].

    Raises
    ------
    ValueError
        Shapes differ, or values are not among the classes.
    """
    labels, predictions = np.asarray(labels).astype(int), np.asarray(predictions).astype(int)
    if labels.shape != predictions.shape or labels.ndim != 1:
        raise ValueError(f"confusion: labels {labels.shape} and predictions {predictions.shape} must both be (N,).")
    both = np.concatenate([labels, predictions])
    if both.size and (both.min() < 0 or both.max() >= classes):
        raise ValueError(
            f"confusion: expected classes 0 to {classes - 1}, got {both.min()} to {both.max()}. "
            "Turn scores into predictions first: scores >= threshold."
        )
    table = np.zeros((classes, classes), dtype=int)
    np.add.at(table, (labels, predictions), 1)
    return table


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative log-likelihood in nats.

    Parameters
    ----------
    labels : array, (N,)
        0 or 1.
    probabilities : array, (N,)
        Of class 1, from 0 to 1; clipped to [1e-7, 1 - 1e-7].

    Returns
    -------
    float
        0 or more.
    """
    labels, p = _binary(labels), np.clip(np.asarray(probabilities, float), 1e-7, 1 - 1e-7)
    return float(-np.mean(np.where(labels == 1, np.log(p), np.log1p(-p))))


# ---- the bootstrap over patients ------------------------------------------------------------------------------------


def bootstrap_interval(
    labels: np.ndarray,
    scores: np.ndarray,
    patients: np.ndarray,
    statistic: Statistic = auroc,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The statistic and its percentile bootstrap interval over patients.

    Parameters
    ----------
    labels : array, (N,)
        0 or 1.
    scores : array, (N,)
        Or (N, ...) for a statistic that takes that.
    patients : array, (N,)
        The patient of each film. `np.arange(N)` gives the (too narrow) interval over films.
    statistic : function
        (labels, scores) -> one number. `auroc`, `sensitivity`, `specificity` and `accuracy` are computed for all
        resamples together; any other function is called once per resample.
    resamples : int
        The number of resamples.
    level : float
        Between 0 and 1: how often such an interval contains the true value.
    seed : int

    Returns
    -------
    Interval (value, low, high); `.redrawn` counts the resamples that were redrawn because a class was missing.

    Raises
    ------
    ValueError
        Lengths differ, there are fewer than two patients, or a class occurs in so few patients that nearly every
        resample lacks it.
    """
    labels, scores, patients = _aligned(labels, scores, patients)
    value = statistic(labels, scores)
    draws, redrawn = _resampled_statistics(labels, [scores], patients, statistic, resamples, seed)
    return _interval(value, draws[0], level, redrawn)


def paired_bootstrap(
    labels: np.ndarray,
    scores_a: np.ndarray,
    scores_b: np.ndarray,
    patients: np.ndarray,
    statistic: Statistic = auroc,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The difference statistic(a) - statistic(b) and its interval, both computed on the same resampled patients.

    Two classifiers of the same films share easy and hard patients, so the interval of the difference is much narrower
    than the two separate intervals suggest.

    Parameters
    ----------
    labels : array, (N,)
        0 or 1.
    scores_a, scores_b : array, (N,)
        From the two classifiers.
    patients, statistic, resamples, level, seed
        As in `bootstrap_interval`.

    Returns
    -------
    Interval

    Raises
    ------
    ValueError
        As for `bootstrap_interval`.
    """
    labels, scores_a, patients = _aligned(labels, scores_a, patients)
    _, scores_b, _ = _aligned(labels, scores_b, patients)
    value = statistic(labels, scores_a) - statistic(labels, scores_b)
    draws, redrawn = _resampled_statistics(labels, [scores_a, scores_b], patients, statistic, resamples, seed)
    return _interval(value, draws[0] - draws[1], level, redrawn)


def bootstrap_band(
    labels: np.ndarray,
    scores: np.ndarray,
    patients: np.ndarray,
    curve: Callable[[np.ndarray, np.ndarray], np.ndarray],
    resamples: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """The pointwise band of a curve, such as an ROC curve, from a bootstrap over patients.

    The band is pointwise; it does not hold simultaneously for the whole curve.

    Parameters
    ----------
    labels : array, (N,)
        0 or 1.
    scores : array, (N,)
    patients : array, (N,)
        The patient of each film.
    curve : function
        (labels, scores) -> (G,) values at fixed points of your choice, such as the sensitivity at 100 values of
        1 - specificity. A resample without a value (NaN) at a point is ignored there.
    resamples, level, seed
        As in `bootstrap_interval`.

    Returns
    -------
    low, high : float array, (G,)

    Raises
    ------
    ValueError
        As for `bootstrap_interval`.
    """
    labels, scores, patients = _aligned(labels, scores, patients)
    if not 0 < level < 1:
        raise ValueError(f"level={level}: expected a number between 0 and 1, such as 0.95.")
    curves = []
    for counts, _ in _patient_counts(labels, patients, resamples, seed):
        for count in counts:
            films = np.repeat(np.arange(len(labels)), count)
            curves.append(np.asarray(curve(labels[films], scores[films]), dtype=float))
    low, high = np.nanquantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def mean_interval(
    values: np.ndarray, patients: np.ndarray, resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> Interval:
    """The mean over films and its percentile bootstrap interval over patients.

    Parameters
    ----------
    values : array, (N,)
        For example a score of each film's map. To compare two methods on the same films, pass the differences.
    patients : array, (N,)
        The patient of each film.
    resamples, level, seed
        As in `bootstrap_interval`.

    Returns
    -------
    Interval

    Raises
    ------
    ValueError
        Lengths differ, values are not finite, or there are fewer than two patients.
    """
    values, patients = np.asarray(values, dtype=float), np.asarray(patients)
    if values.ndim != 1 or patients.shape != values.shape:
        raise ValueError(
            f"mean_interval: expected values and patients of the same shape (N,), got {values.shape} and {patients.shape}."
        )
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(
            f"mean_interval: {(~np.isfinite(values)).sum()} of {len(values)} values are not finite numbers."
        )
    # With a single class, no resample can lack one.
    blocks = _patient_counts(np.zeros(len(values), int), patients, resamples, seed)
    draws = np.concatenate([counts @ values / counts.sum(axis=1) for counts, _ in blocks])
    return _interval(values.mean(), draws, level, 0)


def proportion_interval(successes: int, total: int, level: float = 0.95) -> Interval:
    """Wilson's interval for a proportion of independent cases, with one film per patient.

    Parameters
    ----------
    successes, total : int
        0 <= successes <= total, and total above 0.
    level : float
        Between 0 and 1.

    Returns
    -------
    Interval
        From 0 to 1.

    Raises
    ------
    ValueError
        The numbers do not form a proportion.

    References
    ----------
    Wilson, JASA 22, 1927.
    """
    from scipy.stats import norm

    if not 0 <= successes <= total or total == 0:
        raise ValueError(
            f"proportion_interval: expected 0 <= successes <= total and total > 0, got {successes}/{total}."
        )
    z, share = norm.ppf(0.5 + level / 2), successes / total
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return Interval(share, max(0.0, float(centre - half)), min(1.0, float(centre + half)))


def _interval(value: float, draws: np.ndarray, level: float, redrawn: int) -> Interval:
    if not 0 < level < 1:
        raise ValueError(f"level={level}: expected a number between 0 and 1, such as 0.95.")
    low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2])
    interval = Interval(float(value), float(low), float(high))
    interval.redrawn = redrawn
    return interval


def _patient_counts(
    labels: np.ndarray, patients: np.ndarray, resamples: int, seed: int
) -> Iterator[tuple[np.ndarray, int]]:
    """Blocks of (how often each film is in each resample, uint (R, N); redrawn resamples in this block)."""
    rng = np.random.default_rng(seed)
    _, who = np.unique(patients, return_inverse=True)
    number = int(who.max()) + 1
    if number < 2:
        raise ValueError(
            "A bootstrap over patients needs at least two patients, got 1. Is `patients` the right column?"
        )
    held = [np.unique(who[labels == value]) for value in np.unique(labels)]  # patients with a film of each class
    block = max(1, _BLOCK // max(len(labels), number))
    for start in range(0, resamples, block):
        wanted = min(block, resamples - start)
        counts, redrawn = _draw(rng, wanted, number), 0
        for _ in range(1000):
            lost = np.flatnonzero(~np.all([counts[:, some].any(axis=1) for some in held], axis=0))
            if not len(lost):
                break
            redrawn += len(lost)
            counts[lost] = _draw(rng, len(lost), number)
        else:
            raise ValueError(
                f"A class occurs in only {min(map(len, held))} of {number} patients, so nearly every resample lacks it: "
                "these are too few for an interval."
            )
        yield counts[:, who], redrawn


def _draw(rng: np.random.Generator, resamples: int, number: int) -> np.ndarray:
    drawn = rng.integers(number, size=(resamples, number)) + np.arange(resamples)[:, None] * number
    return np.bincount(drawn.ravel(), minlength=resamples * number).reshape(resamples, number)


def _resampled_statistics(
    labels: np.ndarray, columns: list[np.ndarray], patients: np.ndarray, statistic: Statistic, resamples: int, seed: int
) -> tuple[np.ndarray, int]:
    """The statistic of each column on the same resamples, (columns, resamples), and how many were redrawn."""
    together, parts, again = _AT_ONCE.get(statistic), [], 0
    for counts, redrawn in _patient_counts(labels, patients, resamples, seed):
        again += redrawn
        if together is not None and all(column.ndim == 1 for column in columns):
            parts.append(np.stack([together(labels, column, counts) for column in columns]))
            continue
        part = np.empty((len(columns), len(counts)))
        for row, count in enumerate(counts):
            films = np.repeat(np.arange(len(labels)), count)
            part[:, row] = [statistic(labels[films], column[films]) for column in columns]
        parts.append(part)
    return np.concatenate(parts, axis=1), again


def _weighted_auroc(labels: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """AUROC for each row of film counts (R, N), from ranks: one sort for all resamples."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])  # where each tied group begins
    counts = np.asarray(counts, float)[:, order]
    positive = np.add.reduceat(counts * labels[order], starts, axis=1)
    negative = np.add.reduceat(counts * (1 - labels[order]), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    with np.errstate(invalid="ignore"):
        return (positive * below).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1))


def _weighted_share(of: np.ndarray, right: np.ndarray, counts: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return counts @ (of & right).astype(float) / (counts @ of.astype(float))


_AT_ONCE: dict[Statistic, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    auroc: _weighted_auroc,
    sensitivity: lambda labels, called, counts: _weighted_share(labels == 1, called == 1, counts),
    specificity: lambda labels, called, counts: _weighted_share(labels == 0, called == 0, counts),
    accuracy: lambda labels, called, counts: _weighted_share(labels == labels, called == labels, counts),
}


# ---- thresholds -----------------------------------------------------------------------------------------------------


def operating_point(labels: np.ndarray, scores: np.ndarray, wanted_sensitivity: float = 0.9) -> OperatingPoint:
    """The highest threshold with at least the wanted sensitivity; choose it on validation films.

    A film is called positive if its score >= threshold. The threshold is the score of one of the positive films.

    Parameters
    ----------
    labels : array, (N,)
        0 or 1.
    scores : array, (N,)
    wanted_sensitivity : float
        Above 0, at most 1.

    Returns
    -------
    OperatingPoint
        Its sensitivity and specificity are those on these same films, hence optimistic: report them on films that were
        not used for the choice.

    Raises
    ------
    ValueError
        A class is missing, or `wanted_sensitivity` is out of range.
    """
    labels, scores = _binary(labels), _column(scores, "scores", labels)
    _both_classes(labels, "operating_point")
    if not 0 < wanted_sensitivity <= 1:
        raise ValueError(f"operating_point: wanted_sensitivity={wanted_sensitivity}, expected above 0 and at most 1.")
    positives = np.sort(scores[labels == 1])[::-1]
    # Without the small subtraction, rounding could make 0.9 * 10 require ten films.
    needed = max(1, int(np.ceil(wanted_sensitivity * len(positives) - 1e-9)))
    threshold = float(positives[needed - 1])
    called = scores >= threshold
    return OperatingPoint(threshold, float(called[labels == 1].mean()), float((~called[labels == 0]).mean()))


def performance_at(
    labels: np.ndarray,
    scores: np.ndarray,
    threshold: float,
    patients: np.ndarray,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """The results of a threshold, with intervals over patients.

    Parameters
    ----------
    labels : array, (N,)
        0 or 1.
    scores : array, (N,)
    threshold : float
        A film is called positive if its score is at least this.
    patients : array, (N,)
        The patient of each film.
    resamples, level, seed
        As in `bootstrap_interval`.

    Returns
    -------
    DataFrame
        Rows sensitivity, specificity, accuracy; columns value, low, high, and n, the number of films in the denominator.
    """
    labels, scores, patients = _aligned(labels, scores, patients)
    called = (scores >= threshold).astype(int)
    of = {"sensitivity": (labels == 1).sum(), "specificity": (labels == 0).sum(), "accuracy": len(labels)}
    rows = {}
    for statistic in (sensitivity, specificity, accuracy):
        interval = bootstrap_interval(labels, called, patients, statistic, resamples, level, seed)
        rows[statistic.__name__] = (*interval, int(of[statistic.__name__]))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high", "n"])


# ---- calibration ----------------------------------------------------------------------------------------------------


def reliability_table(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Predicted against observed frequencies, one row per bin of predicted probability.

    Bins have equal width; bin k contains k/bins <= p < (k+1)/bins, the last one also p = 1.

    Parameters
    ----------
    labels : array, (N,)
        0 or 1.
    probabilities : array, (N,)
        Of class 1, from 0 to 1.
    bins : int

    Returns
    -------
    DataFrame
        Columns low, high, films, predicted (mean), observed (share of positives). Empty bins have NaN.

    Raises
    ------
    ValueError
        A probability is below 0 or above 1.
    """
    labels, p = _binary(labels), _column(probabilities, "probabilities", np.asarray(labels))
    if p.size and (p.min() < 0 or p.max() > 1):
        raise ValueError(f"Expected probabilities from 0 to 1, got {p.min():.4g} to {p.max():.4g}. Are these logits?")
    edges = np.linspace(0, 1, bins + 1)
    where = np.minimum((p * bins).astype(int), bins - 1)
    films = np.bincount(where, minlength=bins)
    with np.errstate(invalid="ignore"):
        predicted = np.bincount(where, p, minlength=bins) / films
        observed = np.bincount(where, labels, minlength=bins) / films
    return pd.DataFrame(
        {"low": edges[:-1], "high": edges[1:], "films": films, "predicted": predicted, "observed": observed}
    )


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Mean distance between predicted probability and observed share of positives, weighted by the films in each bin.

    With few films, even a perfectly calibrated model has an error above 0 by chance.

    Parameters
    ----------
    labels : array, (N,)
        0 or 1.
    probabilities : array, (N,)
        Of class 1, from 0 to 1.
    bins : int
        As in `reliability_table`: equal width, closed below.

    Returns
    -------
    float
        From 0 to 1.

    References
    ----------
    Naeini, Cooper and Hauskrecht, AAAI 2015, in the form for the positive class of a binary task.
    """
    table = reliability_table(labels, probabilities, bins)
    gap = (table["predicted"] - table["observed"]).abs().fillna(0.0)
    return float((gap * table["films"]).sum() / table["films"].sum())


def logits_of(probabilities: np.ndarray) -> np.ndarray:
    """Logits whose sigmoid gives the probabilities of class 1.

    Parameters
    ----------
    probabilities : array, (N,)
        From 0 to 1; clipped to [1e-7, 1 - 1e-7].

    Returns
    -------
    float array, (N,)
    """
    p = np.clip(np.asarray(probabilities, dtype=float), 1e-7, 1 - 1e-7)
    return np.log(p) - np.log1p(-p)


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """The temperature T > 0 that minimises the negative log-likelihood of labels under logits / T.

    T above 1 means that the network was overconfident. Dividing by T keeps the order of the films, and so the AUROC.

    Parameters
    ----------
    labels : array, (N,)
    logits : array, (N,) or (N, classes)
        Of class 1 (sigmoid), or of all classes (softmax).

    Returns
    -------
    float
        From 0.05 to 20. If the films are perfectly separated (or the logits are uninformative), one of these bounds,
        with a warning.

    Raises
    ------
    ValueError
        The shapes do not match.

    References
    ----------
    Guo et al., arXiv 1706.04599.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    logits = np.asarray(logits, dtype=float)
    labels = _binary(labels) if logits.ndim == 1 else np.asarray(labels).astype(int)
    if logits.ndim not in (1, 2) or len(logits) != len(labels):
        raise ValueError(
            f"fit_temperature: expected logits (N,) or (N, classes) for labels (N,), got {logits.shape} and {labels.shape}."
        )
    if logits.ndim == 1:
        logits = np.stack([np.zeros_like(logits), logits], axis=1)

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(np.mean(logsumexp(scaled, axis=1) - scaled[np.arange(len(labels)), labels]))

    low, high = np.log(0.05), np.log(20)
    best = float(
        minimize_scalar(negative_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-6}).x
    )
    if min(best - low, high - best) < 1e-3:
        warnings.warn(
            f"fit_temperature: no minimum between 0.05 and 20; T = {np.exp(best):.3g} is a bound of the search."
        )
    return float(np.exp(best))


# ---- subgroups ------------------------------------------------------------------------------------------------------


def subgroup_table(
    labels: np.ndarray,
    scores: np.ndarray,
    patients: np.ndarray,
    groups: np.ndarray,
    statistic: Statistic = auroc,
    shared_negatives: bool = False,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """The statistic in each group, with counts and patient bootstrap intervals.

    Parameters
    ----------
    groups : array, (N,)
        One row of the table per value; films with a missing value are omitted.
    shared_negatives : bool
        Compare the positives of each group with *all* negatives. Appropriate if the group is a property of the disease
        (positives with a drain), so that rows differ only in their positives.

    Returns
    -------
    DataFrame indexed by group: films, patients, positives, negatives, value, low, high. If a class or a second
    patient is missing, the last three are NaN; the counts show why.

    Raises
    ------
    ValueError
        If the arguments have different lengths, or labels are not 0 and 1.
    """
    labels, scores, patients = _aligned(labels, scores, patients)
    groups = np.asarray(groups)
    if len(groups) != len(labels):
        raise ValueError(f"subgroup_table: expected a group for each of the {len(labels)} films, got {len(groups)}.")
    known = ~pd.isna(groups)
    rows = {}
    for group in pd.unique(pd.Series(groups[known])):
        inside = known & (groups == group)
        films = (inside & (labels == 1)) | (labels == 0) if shared_negatives else inside
        part = labels[films], scores[films], patients[films]
        number, positives = len(np.unique(part[2])), int((part[0] == 1).sum())
        negatives = len(part[0]) - positives
        enough = positives and negatives and number > 1
        interval = bootstrap_interval(*part, statistic, resamples, level, seed) if enough else (np.nan,) * 3
        rows[group] = (len(part[0]), number, positives, negatives, *interval)
    columns = ["films", "patients", "positives", "negatives", "value", "low", "high"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).sort_index()


# ---- checks of the arguments ----------------------------------------------------------------------------------------


def _binary(labels: np.ndarray, name: str = "labels") -> np.ndarray:
    values = np.asarray(labels)
    if values.ndim != 1:
        hint = " If labels are one-hot, take column 1." if values.ndim == 2 else ""
        raise ValueError(f"{name}: expected shape (N,), got {values.shape}.{hint}")
    found = np.unique(values)
    if not np.isin(found, [0, 1]).all():
        hint = " Turn scores into predictions with a threshold first." if name == "predictions" else ""
        raise ValueError(f"{name}: expected 0 and 1, got {', '.join(map(str, found[:5]))}.{hint}")
    return values.astype(int)


def _column(values: np.ndarray, name: str, labels: np.ndarray) -> np.ndarray:
    column = np.asarray(values, dtype=float)
    if column.shape != labels.shape:
        hint = " Take the column of the positive class, [:, 1]." if column.ndim == 2 else ""
        raise ValueError(f"{name}: expected shape {labels.shape} like the labels, got {column.shape}.{hint}")
    if not np.isfinite(column).all():
        raise ValueError(f"{name}: {(~np.isfinite(column)).sum()} of {len(column)} values are not finite numbers.")
    return column


def _both_classes(labels: np.ndarray, name: str) -> None:
    if len(np.unique(labels)) < 2:
        raise ValueError(
            f"{name}: expected films of both classes, got {int((labels == 1).sum())} positive and "
            f"{int((labels == 0).sum())} negative."
        )


def _aligned(labels: np.ndarray, scores: np.ndarray, patients: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, scores, patients = _binary(labels), np.asarray(scores), np.asarray(patients)
    if not len(labels) == len(scores) == len(patients):
        raise ValueError(
            f"Expected one label, score and patient for each film, got {len(labels)}, {len(scores)}, {len(patients)}."
        )
    return labels, scores, patients
