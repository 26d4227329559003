"""Choose the films of a data set from those offered, and the archives to take them from; nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from data_fetch.errors import TooFewFilms
from data_fetch.sources.nih.index import nih_index
from data_fetch.sources.nih.origin import Origin
from data_fetch.store.registry import registry
from data_fetch.transfer import transport
from data_fetch.transfer.archives import Archive


@dataclass(frozen=True, eq=False)
class Chosen:
    """The films of a set, in the order in which they are stored.

    Attributes
    ----------
    finding : str
        The finding of label 1, as spelled in the index.
    rows : (N,) int
        Rows of the index.
    splits : (N,) str
        The films of one split are contiguous.
    folds : (N,) int
        -1 outside development; ascending within it.
    archives : tuple of Archive
        The archives from which the films are taken.
    rule : str
        The rule in words, for the card.
    """

    finding: str
    rows: np.ndarray
    splits: np.ndarray
    folds: np.ndarray
    archives: tuple[Archive, ...]
    rule: str


@dataclass(frozen=True)
class Rule:
    """How a data set chooses its films.

    Attributes
    ----------
    choose : function of an Origin
        Chooses films from it by the rule and the seed; downloads nothing.
    wanted : mapping of split -> int
        Number of films that the rule asks for.
    seed : int
        Seed of the choice.
    asked : int or None
        Total number of films requested by the user, if that can be chosen.
    """

    choose: Callable[[Origin], Chosen]
    wanted: Mapping[str, int] = field(repr=False)
    seed: int
    asked: int | None = None


@contextmanager
def choosing_from(origin: Origin, finding: str) -> Iterator[None]:
    """Context in which films are chosen: if there are too few, the error names the finding, the mirror and what to do."""
    try:
        yield
    except TooFewFilms as problem:
        raise TooFewFilms(
            f"{finding} cannot be learned from this mirror: {problem.what}",
            where=origin.address,
            expected=problem.expected,
            got=problem.got,
            next="unset DATA_FETCH_MIRROR to use the official archives, or use --source phantom",
        ) from None


def offered_rows(origin: Origin, archives: Sequence[str]) -> np.ndarray:
    """Rows of the index available from an origin, ascending: the films of these official archives, or all of a mirror."""
    index, films = nih_index(), origin.films
    if films is None:
        return np.flatnonzero(np.isin(index.archives(np.arange(len(index))), archives))
    found = index.rows(films)
    return np.sort(found[found >= 0])


def archives_of(origin: Origin, rows: np.ndarray) -> tuple[Archive, ...]:
    """The archives of an origin that hold these films."""
    index, films = nih_index(), origin.films
    wanted: dict[str, dict[str, str | None]] = {}
    official = registry()["archives"]["nih"]
    for name, archive in zip(index.names(rows), index.archives(rows), strict=True):
        stated, md5 = (str(archive), None) if films is None else films[name]
        wanted.setdefault(stated, {})[name] = md5
    return tuple(
        Archive(
            name=name,
            address=official[name]["urls"][0] if origin.address is None else transport.join(origin.address, name),
            wanted=here,
            md5=official[name]["md5"] if films is None else None,
        )
        for name, here in sorted(wanted.items())
    )
