"""A data set: the one way from what is asked for to an ImageSet.

    source -> stored set (in the cache, else from the mirror, else made by the source) -> split -> card

Every fetch_* function and every command goes through `Dataset`. It knows no particular source: those are objects that
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
    """Films, the stored set that they lie in, and the folders of all stored sets that they need."""

    films: ImageSet
    stored: StoredSet
    folders: tuple[pathlib.Path, ...]


@dataclass(frozen=True)
class Dataset:
    """One data set of the registry.

    Attributes
    ----------
    name : str
        As the registry names it.
    classes : tuple of str
        What the labels mean.
    makers : mapping of source -> function
        Make the source's object: takes what `Source` takes, and the source's own options by name.
    sized_as : str
        The data set whose size the profile states.
    folds_of : str or None
        The stored split of which "train" and "validation" are folds; None where they are splits of their own.
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
        """The films of a split; what the fetch_* functions do, see there."""
        return self.get(self.source(source, cache_dir, progress, **options), split, size).films

    def source(
        self,
        name: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        progress: bool = True,
        refresh: bool = False,
        **options: Any,
    ) -> Source:
        """The source asked for, else DATA_FETCH_SOURCE, else the profile's; nothing is fetched yet.

        Parameters
        ----------
        refresh : bool
            Whether what is kept of a mirror's list of films is asked for again.
        options
            Of this source, such as `films`; None stands for the source's own choice.

        Raises
        ------
        DataFetchError
            If this data set has no such source, or the source no such option.
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
                    expected=", ".join(f"--{one}" for one in allowed) or "none of its own",
                    next="leave it out",
                )
        return self.makers[chosen](self.name, cache_folder(cache_dir), progress, refresh, **given)

    def get(self, source: Source, split: str, size: int | None = None) -> Fetched:
        """The films of a split, from a source of this data set.

        Raises
        ------
        DataFetchError
            For an unknown split or an impossible size, when the source cannot be reached or is not what it should be.
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
        """The stored sets that a split needs, fetched or made first if they are not in the cache."""
        _, wanted, folder = self._stored(source, split, size)
        return (*wanted.made_from, folder)

    def size(self, size: int | None = None) -> int:
        """Height and width asked for, else the profile's: films are square, up to the NIH originals' 1024 pixels.

        Raises
        ------
        DataFetchError
            If it is no whole number from 64 to 1024.
        """
        if size is None:
            return profile().sizes[self.sized_as]
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or not 64 <= size <= 1024:
            raise DataFetchError(
                "Films cannot have this size.", where="size=", expected="a whole number from 64 to 1024", got=repr(size)
            )
        return int(size)

    def _stored(self, source: Source, split: str, size: int | None) -> tuple[str, StoredSet, pathlib.Path]:
        """The split that is stored, its stored set, and where that lies."""
        choose("split", split, source.entry["splits"], where=f"{self.name}, {source.name}")
        kept = self.folds_of if self.folds_of and split in FOLDS else split
        wanted = source.stored_set(kept, self.size(size))
        return kept, wanted, stored(wanted, source.cache, quiet=not source.progress)

    def _counted(self, films: ImageSet, source: Source, split: str, kept: str) -> ImageSet:
        """The films with a card that counts them; refused where a class is missing."""
        counts = {kind: int((films.labels == label).sum()) for label, kind in enumerate(films.classes)}
        if 0 in counts.values():
            raise TooFewFilms(
                f"The {split} split would lack a class, and nothing could be learned or measured on it.",
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
