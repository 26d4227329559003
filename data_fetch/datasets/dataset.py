"""A data set: the single path from a request to an ImageSet.

    source -> stored set (in the cache, else from the mirror, else made by the source) -> split -> card

Every fetch_* function and every command goes through `Dataset`. It knows no particular source: sources are objects that
name their stored sets and know how to make them (`data_fetch.sources.source`).
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from data_fetch.datasets.imageset import ImageSet, read_stored_set
from data_fetch.datasets.split_views import of_fold, of_split
from data_fetch.errors import DataFetchError, TooFewFilms, choose
from data_fetch.profiles import profile
from data_fetch.sources.source import Source
from data_fetch.store.cache import cache_folder
from data_fetch.store.registry import data_set
from data_fetch.store.stored_sets import StoredSet, stored

FOLDS = ("train", "validation")


@dataclass(frozen=True)
class Fetched:
    """Films, their stored set, and the folders of all stored sets that they need."""

    films: ImageSet
    stored: StoredSet
    folders: tuple[pathlib.Path, ...]


@dataclass(frozen=True)
class Dataset:
    """One data set of the registry.

    Attributes
    ----------
    name : str
        Name in the registry.
    classes : tuple of str
        Names of the labels, in order.
    makers : mapping of source -> function
        Each creates the source object from the arguments of `Source` and the source's own options, by name.
    sized_as : str
        The data set whose size in the profile applies.
    folds_of : str or None
        The stored split of which "train" and "validation" are folds; None if they are splits of their own.
    """

    name: str
    classes: tuple[str, ...]
    makers: Mapping[str, Callable[..., Source]]
    sized_as: str
    folds_of: str | None = None

    def fetch(
        self,
        source: str | None,
        split: str,
        size: int | None,
        cache_dir: str | os.PathLike[str] | None,
        progress: bool,
        **options: Any,
    ) -> ImageSet:
        """The films of a split; see the fetch_* functions."""
        return self.get(self.source(source, cache_dir, progress, **options), split, size).films

    def source(
        self,
        name: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        progress: bool = True,
        refresh: bool = False,
        **options: Any,
    ) -> Source:
        """The requested source, else DATA_FETCH_SOURCE, else the profile's; nothing is fetched yet.

        Parameters
        ----------
        refresh : bool
            Whether to fetch a mirror's list of films again if it is cached.
        options
            Options of this source, such as `films`; None means the source's default.

        Raises
        ------
        DataFetchError
            If this data set has no such source, or the source has no such option.
        """
        where = "source="
        if name is None:
            name, where = os.environ.get("DATA_FETCH_SOURCE", "").strip(), "the environment variable DATA_FETCH_SOURCE"
        known = data_set(self.name)["sources"]
        chosen = choose("source", name or profile().source, known, where=where)
        allowed = known[chosen].get("options", [])
        given = {key: value for key, value in options.items() if value is not None}
        for key in given:
            if key not in allowed:
                raise DataFetchError(
                    f"{self.name} from {chosen} has no option --{key}.",
                    where=f"{key}=",
                    expected=", ".join(f"--{one}" for one in allowed) or "no options",
                    next="omit it",
                )
        return self.makers[chosen](self.name, cache_folder(cache_dir), progress, refresh, **given)

    def get(self, source: Source, split: str, size: int | None = None) -> Fetched:
        """The films of a split, from a source of this data set.

        Raises
        ------
        DataFetchError
            For an unknown split or an invalid size, and if the source cannot be reached or is not as expected.
        TooFewFilms
            If the split would lack a class.
        """
        kept, wanted, folder = self._stored(source, split, size)
        films = read_stored_set(folder, self.classes)
        if source.holds_all_splits:
            films = of_split(films, kept)
        if wanted.masks:
            films = replace(films, masks=MappingProxyType({**wanted.masks, **(films.masks or {})}))
        if kept != split:
            films = of_fold(films, split)
        return Fetched(self._counted(films, source, split, kept), wanted, (*wanted.made_from, folder))

    def stored_folders(self, source: Source, split: str, size: int | None = None) -> tuple[pathlib.Path, ...]:
        """The stored sets that a split needs, fetched or made if they are not in the cache."""
        _, wanted, folder = self._stored(source, split, size)
        return (*wanted.made_from, folder)

    def size(self, size: int | None = None) -> int:
        """The requested height and width, else the profile's: films are square, up to the NIH originals' 1024 pixels.

        Raises
        ------
        DataFetchError
            If it is not a whole number from 64 to 1024.
        """
        if size is None:
            return profile().sizes[self.sized_as]
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or not 64 <= size <= 1024:
            raise DataFetchError(
                "Invalid film size.", where="size=", expected="a whole number from 64 to 1024", got=repr(size)
            )
        return int(size)

    def _stored(self, source: Source, split: str, size: int | None) -> tuple[str, StoredSet, pathlib.Path]:
        """The stored split, its stored set, and the folder of that set."""
        choose("split", split, source.entry["splits"], where=f"{self.name}, {source.name}")
        kept = self.folds_of if self.folds_of and split in FOLDS else split
        wanted = source.stored_set(kept, self.size(size))
        return kept, wanted, stored(wanted, source.cache, quiet=not source.progress)

    def _counted(self, films: ImageSet, source: Source, split: str, kept: str) -> ImageSet:
        """The films with their counts on the card; refused if a class is missing."""
        counts = {kind: int((films.labels == label).sum()) for label, kind in enumerate(films.classes)}
        if 0 in counts.values():
            raise TooFewFilms(
                f"The {split} split would lack a class, so nothing could be learned or measured on it.",
                where=str(source),
                expected=f"films of both classes ({', '.join(films.classes)}), of patients that no other split uses",
                got=", ".join(f"{count} {kind}" for kind, count in counts.items()),
                next="use a source with more patients (unset DATA_FETCH_MIRROR), or source='phantom'",
            )
        totals = {"films": len(films), **counts, "patients": len(np.unique(films.patients))}
        card: dict[str, Any] = {**films.card, "split": split, "counts": totals}
        card.pop("subset_of", None)
        if wanted := card.pop("wanted", None):
            card["films"] = wanted[kept]
        return replace(films, card=MappingProxyType(card))
