"""Hidden checks of subgroup_table: one function for each graded cell."""

import numpy as np


def _auroc(labels, scores):
    high, low = scores[labels == 1][:, None], scores[labels == 0]
    return float(((high > low) + 0.5 * (high == low)).mean())


def _clinic(rng, patients=60, films=1):
    """Patients with as many films each; ill patients of group "seen" score high, those of group "not" like the healthy."""
    ill = np.arange(patients) % 2
    group = np.where(rng.permutation(patients) % 3 == 0, "not", "seen")
    own = rng.normal(size=patients) + 1.5 * ill * (group == "seen")
    who = np.repeat(np.arange(patients), films)
    return ill[who], own[who] + rng.normal(0, 0.05, len(who)), who, group[who]


def _rows(f, labels, scores, patients, groups, resamples=200, seed=0):
    got = f(labels, scores, patients, groups, resamples, seed)
    if not isinstance(got, dict) or {str(name) for name in got} != {str(name) for name in np.unique(groups)}:
        raise AssertionError("a dict must come back, with a row for each group that occurs, whatever its films are")
    rows = {str(name): np.asarray(row, float) for name, row in got.items()}
    if any(row.shape != (5,) for row in rows.values()):
        raise AssertionError("a row must be five numbers: positives, negatives, AUROC, low, high")
    return rows


def subgroup_table_1(f, rng):
    """Each row has its group's positives against all negatives: the counts and the AUROC (1e-9)."""
    for _ in range(3):
        labels, scores, patients, groups = _clinic(rng)
        rows = _rows(f, labels, scores, patients, groups)
        for name, row in rows.items():
            chosen = (labels == 0) | (groups == name)
            if row[0] != (labels[chosen] == 1).sum() or row[1] != (labels == 0).sum():
                raise AssertionError(
                    "a row counts the group's own positives and all negatives, whatever group these belong to"
                )
            if not np.isclose(row[2], _auroc(labels[chosen], scores[chosen]), atol=1e-9):
                raise AssertionError("a row's AUROC must be that of the group's positives against all negatives")


def subgroup_table_2(f, rng):
    """The interval goes over patients: with six films a patient it is as wide as with one (within a factor), and holds the value."""
    labels, scores, patients, groups = _clinic(rng, patients=60, films=6)
    groups = np.full(len(groups), "everybody")  # so that this property is about the interval alone
    row = _rows(f, labels, scores, patients, groups, resamples=300)["everybody"]
    if not row[3] <= row[2] <= row[4]:
        raise AssertionError("an interval must hold its own value")
    one, areas = np.arange(0, len(labels), 6), []
    while len(areas) < 300:
        drawn = one[rng.integers(0, len(one), len(one))]
        if 0 < labels[drawn].sum() < len(drawn):
            areas.append(_auroc(labels[drawn], scores[drawn]))
    low, high = np.quantile(areas, [0.025, 0.975])
    if row[4] - row[3] < 0.65 * (high - low):
        raise AssertionError(
            "the interval is far too narrow: patients must be drawn, each with all of their films; six films of one "
            "patient are not six patients"
        )
    if row[4] - row[3] > 1.7 * (high - low):
        raise AssertionError("the interval is far too wide for 95 per cent over the patients of the row")


def subgroup_table_3(f, rng):
    """A group without positives has its row: 0, all negatives, and NaN three times."""
    labels, scores, patients, groups = _clinic(rng)
    groups = np.where((labels == 0) & (patients % 4 == 0), "healthy only", groups)
    rows = _rows(f, labels, scores, patients, groups)
    row = rows["healthy only"]
    if row[0] != 0 or row[1] != (labels == 0).sum():
        raise AssertionError("a group without positives must be counted: 0 positives and all negatives")
    if not np.isnan(row[2:]).all():
        raise AssertionError(
            "a group without positives has no AUROC and no interval: NaN, not a number that looks like one"
        )
