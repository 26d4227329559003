"""The MIT course's files as a source: a stored set for each of the two files."""

from __future__ import annotations

from data_fetch.errors import DataFetchError
from data_fetch.sources.mit.hdf5_films import PUBLISHED_SIZE, write_pneumothorax
from data_fetch.sources.source import Source
from data_fetch.store.stored_sets import StoredSet


class MitSource(Source):
    """The films of the training file (which holds "validation" and "train") and of the test file."""

    name = "mit"
    holds_all_splits = True

    def stored_set(self, split: str, size: int) -> StoredSet:
        """The set with this split: "test", or "train" for all others. DataFetchError for films larger than published."""
        if size > PUBLISHED_SIZE:
            raise DataFetchError(
                "These films cannot be enlarged.", where="size=", expected=f"64 to {PUBLISHED_SIZE}", got=repr(size)
            )
        half = "test" if split == "test" else "train"
        return StoredSet(
            f"{self._begin(size)}-{half}",
            lambda part: write_pneumothorax(half, size, part, self.cache, self.progress),
        )
