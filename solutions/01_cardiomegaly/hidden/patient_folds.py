"""Hidden checks of patient_folds: one function for each graded cell."""

import numpy as np


def cohort(rng, n_patients=160):
    """Patients in random order with 1 to 5 films each; a quarter of them with the finding on every film."""
    films = rng.integers(1, 6, n_patients)
    numbers = rng.permutation(10 * n_patients)[:n_patients]
    positive = rng.permutation(np.arange(n_patients) % 4 == 0)
    order = rng.permutation(films.sum())
    return np.repeat(positive, films)[order].astype(int), np.repeat(numbers, films)[order]


def pairs(f, labels, patients, n_folds, seed):
    folds = f(labels.copy(), patients.copy(), n_folds, seed)
    if len(folds) != n_folds:
        raise AssertionError("all folds must be returned, not only the last one")
    return [(np.asarray(train), np.asarray(validation)) for train, validation in folds]


def patient_folds_1(f, rng):
    """No patient on both sides; every film held out exactly once."""
    for n_folds in (5, 3):
        labels, patients = cohort(rng)
        held_out = []
        for train, validation in pairs(f, labels, patients, n_folds, 1):
            if len(train) + len(validation) != len(labels) or np.intersect1d(train, validation).size:
                raise AssertionError("in each fold every film must be on exactly one side")
            if np.intersect1d(patients[train], patients[validation]).size:
                raise AssertionError("a patient must never be on both sides of a fold")
            held_out.append(validation)
        if not np.array_equal(np.sort(np.concatenate(held_out)), np.arange(len(labels))):
            raise AssertionError("over all folds every film must be held out exactly once")


def patient_folds_2(f, rng):
    """The share of positives is alike in all folds, within 3 points."""
    for _ in range(3):
        labels, patients = cohort(rng, 240)
        for _, validation in pairs(f, labels, patients, 4, 2):
            if len(validation) == 0 or abs(labels[validation].mean() - labels.mean()) > 0.03:
                raise AssertionError(
                    "each held-out fold must have the share of positives of the whole set, within 3 points"
                )
            if not 0.15 < len(validation) / len(labels) < 0.35:
                raise AssertionError("the folds must be of about equal size")


def patient_folds_3(f, rng):
    """The seed decides: the same again for the same, others for another."""
    labels, patients = cohort(rng)
    first, again, other = (pairs(f, labels, patients, 4, seed) for seed in (7, 7, 8))
    if any(not np.array_equal(np.sort(a[1]), np.sort(b[1])) for a, b in zip(first, again, strict=True)):
        raise AssertionError("the same seed must give the same folds again")
    if all(any(np.array_equal(np.sort(a[1]), np.sort(b[1])) for b in other) for a in first):
        raise AssertionError("another seed must give other folds: is the seed used, and does the splitter shuffle?")
