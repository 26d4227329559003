"""The base class of all sources: a source names the stored set of each split of a data set and knows how to make it."""

from __future__ import annotations

import abc
import pathlib
from typing import Any, ClassVar

from data_fetch.store.registry import data_set
from data_fetch.store.stored_sets import StoredSet


class Source(abc.ABC):
    """One source of one data set, for one cache.

    Parameters
    ----------
    dataset : str
        Name in the registry.
    cache : Path
        The user's own cache, in which stored sets are made.
    progress : bool
        Whether to show progress bars while films are rendered or downloaded.
    refresh : bool
        Whether to fetch a mirror's list of films again if it is cached.

    Attributes
    ----------
    name : str
        Name in the registry: "phantom", "nih", "mit".
    holds_all_splits : bool
        Whether one stored set holds several splits, distinguished by the column "split" of its table.
    entry : dict
        The registry's entry for this source of the data set.
    """

    name: str
    holds_all_splits: ClassVar[bool]

    def __init__(self, dataset: str, cache: pathlib.Path, progress: bool = True, refresh: bool = False) -> None:
        self.dataset, self.cache, self.progress, self.refresh = dataset, cache, progress, refresh
        self.entry: dict[str, Any] = data_set(dataset)["sources"][self.name]

    def __str__(self) -> str:
        """The data set and the origin of its films, for messages."""
        return f"{self.dataset}, {self.name}{self.place}"

    @property
    def place(self) -> str:
        """ " from ADDRESS" if the user chose where the films come from, else empty; for messages."""
        return ""

    @property
    def downloaded(self) -> Source:
        """The source whose films are downloaded or rendered for this one: itself, unless it only modifies another's."""
        return self

    @abc.abstractmethod
    def stored_set(self, split: str, size: int) -> StoredSet:
        """The stored set of a split: its name and how it is made; nothing is fetched or rendered yet.

        Parameters
        ----------
        split : str
            A stored split: the folds of "develop" are not.
        size : int
            Height and width of the films in pixels.

        Raises
        ------
        DataFetchError
            If this source has no films of this size, or cannot be found.
        """

    def _begin(self, size: int) -> str:
        """The prefix of the names of this source's stored sets."""
        return f"{self.dataset}-{self.name}-v{self.entry['version']}-{size}"
