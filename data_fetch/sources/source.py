"""What every source is: it names the stored set that holds a split of a data set, and knows how to make it."""

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
        As the registry names it.
    cache : Path
        The user's own cache, in which stored sets are made.
    progress : bool
        Whether bars are shown while films are made or downloaded.
    refresh : bool
        Whether what is kept of a mirror's list of films is asked for again.

    Attributes
    ----------
    name : str
        As the registry names it: "phantom", "nih", "mit".
    holds_all_splits : bool
        Whether one stored set holds several splits, which the column "split" of its table tells apart.
    entry : dict
        What the registry says of this source of the data set.
    """

    name: str
    holds_all_splits: ClassVar[bool]

    def __init__(self, dataset: str, cache: pathlib.Path, progress: bool = True, refresh: bool = False) -> None:
        self.dataset, self.cache, self.progress, self.refresh = dataset, cache, progress, refresh
        self.entry: dict[str, Any] = data_set(dataset)["sources"][self.name]

    def __str__(self) -> str:
        """The data set and where its films come from, for people."""
        return f"{self.dataset}, {self.name}{self.place}"

    @property
    def place(self) -> str:
        """ " from ADDRESS" where the films come from somewhere that the user chose, else nothing; for people."""
        return ""

    @property
    def downloaded(self) -> Source:
        """The source whose films are downloaded or drawn for this one: itself, unless it only changes another's."""
        return self

    @abc.abstractmethod
    def stored_set(self, split: str, size: int) -> StoredSet:
        """What the stored set is called that holds a split, and how it is made; nothing is fetched or drawn yet.

        Parameters
        ----------
        split : str
            One that is stored: the folds of "develop" are not.
        size : int
            Height and width of the films in pixels.

        Raises
        ------
        DataFetchError
            If this source cannot have films of this size, or cannot be found.
        """

    def _begin(self, size: int) -> str:
        """How the names of this source's stored sets begin."""
        return f"{self.dataset}-{self.name}-v{self.entry['version']}-{size}"
