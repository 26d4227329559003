"""Splits as views of a larger stored set: slices of one mapped file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from data_fetch.datasets.imageset import ImageSet
from data_fetch.errors import DataFetchError

if TYPE_CHECKING:
    import pandas


def of_split(films: ImageSet, split: str) -> ImageSet:
    """The films of one split of a stored set with several splits."""
    rows = np.flatnonzero(_column(films, "split") == split)
    part = films.subset(slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0))
    folds = "fold" in part.attributes and (part.attributes["fold"] < 0).all()
    return replace(part, attributes=part.attributes.drop(columns=["split"] + ["fold"] * bool(folds)))


def _column(films: ImageSet, name: str) -> pandas.Series:
    if name not in films.attributes:
        raise DataFetchError(
            f"A stored set cannot be used: its table has no column {name}.",
            where=films.card.get("name"),
            next="data-fetch verify",
        )
    return films.attributes[name]


def of_fold(films: ImageSet, split: str) -> ImageSet:
    """The films of "validation" (fold 0 of the development films) or "train" (all other folds).

    Raises
    ------
    DataFetchError
        If the films are not stored by fold, or their table has no folds.
    """
    folds = _column(films, "fold").to_numpy()
    if not (np.diff(folds) >= 0).all() or folds[0] != 0:
        raise DataFetchError(
            "The films of this stored set are not ordered by fold, so it cannot be split into training and validation.",
            expected="folds 0, 0, ..., 1, 1, ...",
            next="data-fetch verify",
        )
    # Fold 0 comes first, so that both parts are slices of one mapped file.
    first = int(np.searchsorted(folds, 1))
    return films.subset(slice(0, first) if split == "validation" else slice(first, None))
