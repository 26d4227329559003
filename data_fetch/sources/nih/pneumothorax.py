"""The choice of NIH films for the pneumothorax set: as many with the finding as without, split by patient."""

from __future__ import annotations

import numpy as np

from data_fetch.errors import DataFetchError
from data_fetch.sources.nih.film_choice import Chosen, Rule, archives_of, choosing_from, offered_rows
from data_fetch.sources.nih.index import nih_index
from data_fetch.sources.nih.origin import Origin
from data_fetch.sources.splits import choose_balanced, patient_folds
from data_fetch.store.registry import registry

SEED = 2018
MOST = 9964  # as many as the source of lab 04 used, half of them positive
FIRST_ARCHIVE = 398  # all 199 positives of the first archive, and as many negatives
# Eighths of the films, by patient: the first is for validation, the next two for testing.
PARTS = ("validation", "test", "test", "train", "train", "train", "train", "train")
ORDER = ("validation", "test", "train")


def check_films(films: int | None) -> int:
    """The total number of films: an even number up to 9,964; by default those of the first archive.

    Raises
    ------
    DataFetchError
        If it is anything else.
    """
    if films is None:
        return FIRST_ARCHIVE
    if isinstance(films, bool) or not isinstance(films, int | np.integer) or not 64 <= films <= MOST or films % 2:
        raise DataFetchError(
            "Invalid number of films.",
            where="films=",
            expected=f"an even number from 64 to {MOST:,}: half of them show a pneumothorax",
            got=repr(films),
        )
    return int(films)


def archives_needed(films: int) -> list[str]:
    """The first official archives that together hold enough films with a pneumothorax."""
    index = nih_index()
    archive = index.archives(np.flatnonzero(index.has("Pneumothorax")))
    needed: list[str] = []
    held = 0
    for name in registry()["archives"]["nih"]:
        if held >= films // 2:
            break
        needed.append(name)
        held += int((archive == name).sum())
    return needed


def choose_pneumothorax(origin: Origin, films: int) -> Chosen:
    """Choose films from an origin by the rule and the seed; downloads nothing.

    Raises
    ------
    TooFewFilms
        If the origin has too few films or patients for training.
    """
    index = nih_index()
    offered = offered_rows(origin, archives_needed(films))
    positive = index.has("Pneumothorax")
    with choosing_from(origin, "Pneumothorax"):
        chosen = choose_balanced(index.patient[offered], positive[offered], films // 2, SEED)
    rows = offered[chosen]
    folds = patient_folds(positive[rows].astype(np.int64), index.patient[rows], len(PARTS), SEED)
    splits = np.array(PARTS)[folds]
    order = np.lexsort((rows, [ORDER.index(split) for split in splits]))
    return Chosen(
        finding="Pneumothorax",
        rows=rows[order],
        splits=splits[order],
        folds=np.full(len(rows), -1),
        archives=archives_of(origin, rows),
        rule="choose_balanced in data_fetch/sources/splits.py: a negative film may show anything but a pneumothorax; eighths by "
        "patient (patient_folds): 1 validation, 2 test, 5 train",
    )


def rule(films: int | None = None) -> Rule:
    """The rule of this set for a total number of films: see `check_films`."""
    count = check_films(films)
    wanted = {split: count * PARTS.count(split) // len(PARTS) for split in ORDER}
    return Rule(lambda origin: choose_pneumothorax(origin, count), wanted, SEED, asked=count)
