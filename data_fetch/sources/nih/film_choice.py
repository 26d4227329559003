"""Which films a data set has of those that are offered, and from which archives they are taken; nothing is fetched."""

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
        What label 1 means, as the index writes it.
    rows : (N,) int
        Of the index.
    splits : (N,) str
        The films of one split lie together.
    folds : (N,) int
        -1 outside of development; ascending within it.
    archives : tuple of Archive
        From where each film is taken.
    rule : str
        In words, for the card.
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
        Which films the rule and the seed choose from it; downloads nothing.
    wanted : mapping of split -> int
        How many films the rule asks for.
    seed : int
        Of the choice.
    asked : int or None
        How many films the user asked for in all, where that can be chosen.
    """

    choose: Callable[[Origin], Chosen]
    wanted: Mapping[str, int] = field(repr=False)
    seed: int
    asked: int | None = None


@contextmanager
def choosing_from(origin: Origin, finding: str) -> Iterator[None]:
    """While films are chosen: where there are too few, the error names the finding, the mirror, and what to do."""
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
    """Rows of the index that an origin has, ascending: the films of these official archives, or all of a mirror."""
    index, films = nih_index(), origin.films
    if films is None:
        return np.flatnonzero(np.isin(index.archives(np.arange(len(index))), archives))
    found = index.rows(films)
    return np.sort(found[found >= 0])


def archives_of(origin: Origin, rows: np.ndarray) -> tuple[Archive, ...]:
    """Where an origin has these films, archive by archive."""
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
