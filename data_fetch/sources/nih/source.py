"""NIH ChestX-ray14 as a source: all splits of a data set come from the same archives and form one stored set."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable
from typing import Any

from data_fetch.sources.nih.card import card_of
from data_fetch.sources.nih.film_choice import Rule
from data_fetch.sources.nih.origin import Origin, find_origin
from data_fetch.sources.nih.stored_films import write_films
from data_fetch.sources.source import Source
from data_fetch.store.stored_sets import StoredSet, pieces_of


class NihSource(Source):
    """The films that a rule chooses from the official archives or a mirror.

    Parameters
    ----------
    make_rule : function
        Returns the data set's Rule.
    options
        Options of `make_rule`, such as `films`.
    """

    name = "nih"
    holds_all_splits = True

    def __init__(
        self,
        dataset: str,
        cache: pathlib.Path,
        progress: bool = True,
        refresh: bool = False,
        *,
        make_rule: Callable[..., Rule],
        **options: Any,
    ) -> None:
        super().__init__(dataset, cache, progress, refresh)
        self.rule = make_rule(**options)

    @functools.cached_property
    def origin(self) -> Origin:
        """The origin of the films; a mirror is contacted once."""
        return find_origin(self.cache, self.refresh)

    @property
    def place(self) -> str:
        """ " from ADDRESS" with that of the mirror, empty for the official archives."""
        return f" from {self.origin.address}" if self.origin.address else ""

    def set_id(self, size: int) -> str:
        """Name of the stored set that holds all splits at a size."""
        asked = "" if self.rule.asked is None else f"{self.rule.asked}-"
        return f"{self._begin(size)}-{asked}{self.origin.key}"

    def stored_set(self, split: str, size: int) -> StoredSet:
        """The single set that holds all splits at a size; films are chosen and fetched only when it is made."""
        set_id = self.set_id(size)

        def write(part: pathlib.Path) -> None:
            chosen = self.rule.choose(self.origin)
            card = card_of(self.dataset, self.origin, self.rule, chosen, size)
            write_films(chosen, card, size, part, pieces_of(set_id, self.cache), self.progress)

        return StoredSet(set_id, write, variant=self.origin.key)
