"""What the fetch_* functions share: which source, which size, how phantoms come about, what stands on a card."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from data_fetch.datasets.imageset import ImageSet
from data_fetch.errors import DataFetchError, TooFewFilms, choose
from data_fetch.profiles import profile
from data_fetch.sources.nih import films as nih
from data_fetch.store import cache, files, mirror
from data_fetch.store.registry import data_set
from data_fetch.transfer import transport

if TYPE_CHECKING:
    import pandas

KEPT_MANIFEST = nih.MANIFEST


def choose_source(name: str, source: str | None) -> str:
    """The source asked for, else DATA_FETCH_SOURCE, else the profile's; one that this data set has."""
    where = "source="
    if source is None:
        source, where = os.environ.get("DATA_FETCH_SOURCE", "").strip(), "the environment variable DATA_FETCH_SOURCE"
    return choose("source", source or profile().source, data_set(name)["sources"], where=where)


def choose_split(name: str, source: str, split: str) -> str:
    """The split asked for, if this source of the data set has it."""
    return choose("split", split, data_set(name)["sources"][source]["splits"], where=f"{name}, {source}")


def check_size(size: int) -> int:
    """Films are square, with sides up to the NIH originals' 1024 pixels."""
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or not 64 <= size <= 1024:
        raise DataFetchError(
            "Films cannot have this size.", where="size=", expected="a whole number from 64 to 1024", got=repr(size)
        )
    return int(size)


def copied_or_rendered(set_id: str, part: pathlib.Path, render: Callable[[pathlib.Path], None]) -> None:
    """Fill an empty folder with a stored set of phantoms: from the mirror where it has them, else by `render`."""
    try:
        if mirror.copy_from_mirror(set_id, part):
            return
    except transport.CannotReach as problem:
        # Phantoms need no mirror; it only saves their rendering.
        print(f"The mirror does not answer, so the phantoms are rendered here.\n{problem}", file=sys.stderr)
        shutil.rmtree(part)
        part.mkdir()
    # Imported here: a set that is in the cache needs none of the renderer.
    from data_fetch.sources.phantoms.pool import PhantomError

    try:
        render(part)
    except PhantomError as problem:
        raise DataFetchError(
            f"The phantoms could not be rendered. {problem}", next="run the same command again"
        ) from problem


def nih_source(folder: pathlib.Path, refresh: bool = False) -> nih.Source:
    """Where NIH films come from: `nih.find_source`, which knows a mirror's manifest from a shared cache too.

    The sha256 of a manifest that is kept is kept beside it, because its content names the films and the set.
    """
    address = transport.mirror_address()
    if not (address and transport.is_url(address)):
        return nih.find_source(folder, refresh)
    kept = pathlib.Path("mirrors", hashlib.sha256(address.encode()).hexdigest()[:16], KEPT_MANIFEST)
    if not refresh:
        folder = next((place for place in cache.shared_folders() if (place / kept).is_file()), folder)
    try:
        origin = nih.find_source(folder, refresh)
        if origin.manifest and (folder / kept).is_file():
            files.same_as_recorded(folder / kept, refresh)
    except OSError as reason:
        raise cache.not_written("The manifest of the mirror could not be kept", folder, reason) from None
    return origin


def of_split(films: ImageSet, *splits: str) -> ImageSet:
    """The films of some splits of a stored set that holds several, one after the other; a slice of the mapped file."""
    rows = np.flatnonzero(_column(films, "split").isin(splits))
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
    """ "validation" is fold 0 of the development films and "train" all others; "develop" and what has no folds stay."""
    if split not in ("train", "validation"):
        return films
    folds = _column(films, "fold").to_numpy()
    if not (np.diff(folds) >= 0).all() or folds[0] != 0:
        raise DataFetchError(
            "The films of this stored set are not ordered by fold, so it has no training and validation part.",
            expected="folds 0, 0, ..., 1, 1, ...",
            next="data-fetch verify",
        )
    # Fold 0 comes first, so that both parts are slices of one mapped file.
    first = int(np.searchsorted(folds, 1))
    return films.subset(slice(0, first) if split == "validation" else slice(first, None))


def finished(films: ImageSet, name: str, source: str, split: str) -> ImageSet:
    """The films with a card that counts them; refused where a class is missing."""
    counts = {kind: int((films.labels == label).sum()) for label, kind in enumerate(films.classes)}
    if 0 in counts.values():
        raise TooFewFilms(
            f"The {split} split would lack a class, and nothing could be learned or measured on it.",
            where=f"{name}, {source}" + (f" from {transport.mirror_address()}" if source == "nih" else ""),
            expected=f"films of both classes ({', '.join(films.classes)}), of patients that no other split uses",
            got=", ".join(f"{count} {kind}" for kind, count in counts.items()),
            next="use a source with more patients (unset DATA_FETCH_MIRROR), or source='phantom'",
        )
    totals = {"films": len(films), **counts, "patients": len(np.unique(films.patients))}
    card = {**films.card, "split": split, "counts": totals}
    card.pop("subset_of", None)
    return replace(films, card=MappingProxyType(card))
