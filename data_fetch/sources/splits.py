"""Splits by patient, the same on every machine: the order comes from a hash of seed and patient, not from a generator."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from data_fetch.errors import TooFewFilms


def shuffled(items: Iterable[object], seed: int) -> list:
    """The distinct items in an order that depends only on the seed and each item's text.

    Adding an item does not change the order of the others, nor does any library version.
    """
    distinct = {str(item): item for item in items}
    return [
        distinct[text] for text in sorted(distinct, key=lambda text: hashlib.sha256(f"{seed}:{text}".encode()).digest())
    ]


def round_robin(rows_of: dict[object, list[int]], count: int) -> list[int]:
    """Up to `count` rows: one of each patient, then a second of each, and so on, patients in the dict's order."""
    chosen: list[int] = []
    turn = 0
    while len(chosen) < count and any(turn < len(rows) for rows in rows_of.values()):
        chosen += [rows[turn] for rows in rows_of.values() if turn < len(rows)]
        turn += 1
    return chosen[:count]


def patient_folds(labels: np.ndarray, patients: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Assign films to folds so that no patient is in two folds and each fold has its share of positives.

    Parameters
    ----------
    labels : (N,) int, 1 for a positive film
    patients : (N,) array
    folds : int
    seed : int

    Returns
    -------
    (N,) int64, 0 to folds - 1

    Notes
    -----
    Patients with the most positive films come first, each to the fold with the fewest positives so far (then the
    fewest films); then the other patients, each to the fold with the fewest films. The seed breaks ties.
    """
    order = shuffled(patients.tolist(), seed)
    films = {patient: np.flatnonzero(patients == patient) for patient in order}
    positives = {patient: int(labels[rows].sum()) for patient, rows in films.items()}
    load = [[0, 0, fold] for fold in range(folds)]  # positives, films, fold
    assigned = np.empty(len(labels), dtype=np.int64)
    for patient in sorted(order, key=lambda patient: (-positives[patient], -len(films[patient]))):
        fold = min(load) if positives[patient] else min(load, key=lambda entry: (entry[1], entry[2]))
        fold[0] += positives[patient]
        fold[1] += len(films[patient])
        assigned[films[patient]] = fold[2]
    return assigned


@dataclass(frozen=True)
class Selection:
    """Films chosen for development and test, as rows of the films offered; no patient is in both.

    `develop` is ordered by `folds` (of the same length), `test` by name. `filled` is the number of negative films in
    `develop` that show another finding, because films without any had run out.
    """

    develop: np.ndarray
    folds: np.ndarray
    test: np.ndarray
    filled: int


def choose_films(
    patients: np.ndarray,
    positive: np.ndarray,
    clear: np.ndarray,
    develop: tuple[int, int],
    test: tuple[int, int],
    seed: int,
    max_folds: int = 10,
) -> Selection:
    """Choose films for development and test from those available, by a rule and a seed.

    Parameters
    ----------
    patients : (N,) array
    positive, clear : (N,) bool
        Films with the finding, and films without any finding.
    develop, test : (negatives, positives)
        How many films are wanted.

    Returns
    -------
    Selection

    Raises
    ------
    TooFewFilms
        If development would lack a class.

    Notes
    -----
    Patients with a positive film are divided between development and test in the proportion of the positives wanted,
    or two to one if there are too few. Within a split films are taken round robin, one of each patient before a second
    of any, so that a few patients do not fill it. Negatives are clear films of patients that the other split does not
    use; only if clear films run out is development filled with films that show other findings but not this one. With
    too few positives the test split keeps the wanted proportion of its classes.
    """
    by_patient: dict[object, list[int]] = {patient: [] for patient in shuffled(patients.tolist(), seed)}
    for row, patient in enumerate(patients.tolist()):
        by_patient[patient].append(row)

    def films(of: Iterable[object], kind: np.ndarray) -> dict[object, list[int]]:
        found = {patient: [row for row in by_patient[patient] if kind[row]] for patient in of}
        return {patient: rows for patient, rows in found.items() if rows}

    with_finding = list(films(by_patient, positive))
    enough = int(positive.sum()) >= develop[1] + test[1]
    share = test[1] / (develop[1] + test[1]) if enough else 1 / 3
    for_test = set(with_finding[: int(len(with_finding) * share)])
    for_develop = set(with_finding) - for_test
    test_positives = round_robin(films((p for p in by_patient if p in for_test), positive), test[1])
    develop_positives = round_robin(films((p for p in by_patient if p in for_develop), positive), develop[1])

    # Patients without the finding go to the test split until it is full, the others to development.
    wanted = min(test[0], round(len(test_positives) * test[0] / test[1]))
    free = films((p for p in by_patient if p not in for_develop), clear)
    test_negatives = round_robin(free, wanted)
    used = for_test | {patients[row].item() for row in test_negatives}
    left = [patient for patient in by_patient if patient not in used]
    develop_negatives = round_robin(films(left, clear), develop[0])
    others = films(left, ~clear & ~positive)
    fill = round_robin(others, develop[0] - len(develop_negatives))

    if not develop_positives or not (develop_negatives or fill):
        raise TooFewFilms(
            "Too few films: the development split would lack a class.",
            expected="at least one film with the finding and one without",
            got=f"{int(positive.sum())} with it, {int((~positive).sum())} without",
        )
    rows = np.array(develop_positives + develop_negatives + fill, dtype=np.int64)
    labels = positive[rows].astype(np.int64)
    n_folds = min(max_folds, len(np.unique(patients[rows][labels == 1])))
    folds = patient_folds(labels, patients[rows], n_folds, seed)
    order = np.lexsort((rows, folds))
    tested = np.sort(np.array(test_positives + test_negatives, dtype=np.int64))
    return Selection(rows[order], folds[order], tested, len(fill))


def choose_balanced(patients: np.ndarray, positive: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Rows, ascending, of `count` films with the finding and as many without; fewer of both if films run out.

    Parameters
    ----------
    patients : (N,) array
    positive : (N,) bool
    count : int

    Raises
    ------
    TooFewFilms
        If there is no film of one kind.

    Notes
    -----
    Films are taken round robin, one of each patient before a second of any; the order of the patients depends only on
    the seed. Negative films may show anything but the finding, and their patients may have it on another film.
    """
    rows_of: dict[bool, dict[object, list[int]]] = {True: {}, False: {}}
    order = shuffled(patients.tolist(), seed)
    for kind, by_patient in rows_of.items():
        found: dict[object, list[int]] = {}
        for row in np.flatnonzero(positive == kind).tolist():
            found.setdefault(patients[row].item(), []).append(row)
        by_patient.update((patient, found[patient]) for patient in order if patient in found)
    count = min(count, int(positive.sum()), int((~positive).sum()))
    if not count:
        raise TooFewFilms(
            "Too few films: a class would be missing.",
            expected="at least one film with the finding and one without",
            got=f"{int(positive.sum())} with it, {int((~positive).sum())} without",
        )
    return np.sort(np.array(round_robin(rows_of[True], count) + round_robin(rows_of[False], count), dtype=np.int64))
