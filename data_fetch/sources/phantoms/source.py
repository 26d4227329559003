"""Phantoms as a source: a stored set for each split, rendered on this machine unless a mirror has it."""

from __future__ import annotations

import pathlib

from data_fetch.errors import DataFetchError
from data_fetch.sources.source import Source
from data_fetch.store.stored_sets import StoredSet


class PhantomSource(Source):
    """The rendered films of the phantom set with the data set's name."""

    name = "phantom"
    holds_all_splits = False

    def stored_set(self, split: str, size: int) -> StoredSet:
        """The set of a split at a size; making it renders the films, with a DataFetchError if that fails."""

        def draw(part: pathlib.Path) -> None:
            # Imported here: a set in the cache does not need the renderer.
            from data_fetch.sources.phantoms import writing
            from data_fetch.sources.phantoms.pool import PhantomError
            from data_fetch.sources.phantoms.sets import SETS

            try:
                writing.write(SETS[self.dataset], split, size, part, self.progress)
            except PhantomError as problem:
                raise DataFetchError(
                    f"The phantoms could not be rendered. {problem}", next="run the same command again"
                ) from problem

        return StoredSet(f"{self._begin(size)}-{split}", draw, made_here=True)
