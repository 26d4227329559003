"""The choice of NIH films for the cardiomegaly set: development and test films of different patients."""

from __future__ import annotations

import numpy as np

from data_fetch.sources.nih.film_choice import Chosen, Rule, archives_of, choosing_from, offered_rows
from data_fetch.sources.nih.index import nih_index
from data_fetch.sources.nih.origin import Origin
from data_fetch.sources.splits import choose_films
from data_fetch.store.registry import data_set

# (negatives, positives) wanted, and the seed of the choice.
DEVELOP, TEST, SEED = (352, 48), (200, 100), 2017


def rule() -> Rule:
    """The rule of this set."""
    return Rule(choose_cardiomegaly, {"develop": sum(DEVELOP), "test": sum(TEST)}, SEED)


def choose_cardiomegaly(origin: Origin) -> Chosen:
    """Choose films from an origin by the rule and the seed; downloads nothing.

    Raises
    ------
    TooFewFilms
        If the origin has too few films or patients for training.
    """
    index = nih_index()
    offered = offered_rows(origin, data_set("cardiomegaly")["sources"]["nih"]["archives"])
    with choosing_from(origin, "Cardiomegaly"):
        found = choose_films(
            index.patient[offered],
            index.has("Cardiomegaly")[offered],
            index.has("No Finding")[offered],
            DEVELOP,
            TEST,
            SEED,
        )
    rows = offered[np.concatenate([found.develop, found.test])]
    filled = f"; {found.filled} normals show another finding, as films without any ran out" * (found.filled > 0)
    return Chosen(
        finding="Cardiomegaly",
        rows=rows,
        splits=np.repeat(["develop", "test"], [len(found.develop), len(found.test)]),
        folds=np.concatenate([found.folds, np.full(len(found.test), -1)]),
        archives=archives_of(origin, rows),
        rule="choose_films in data_fetch/sources/splits.py, normal = no finding" + filled,
    )
