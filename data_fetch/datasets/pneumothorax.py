"""Pneumothorax: gas between chest wall and lung (index 1) against films without (index 0)."""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

from data_fetch.datasets.fetching import (
    check_size,
    choose_source,
    choose_split,
    copied_or_rendered,
    finished,
    nih_source,
    of_split,
)
from data_fetch.datasets.imageset import ImageSet, read_stored_set
from data_fetch.errors import DataFetchError
from data_fetch.profiles import profile
from data_fetch.store import cache, mirror
from data_fetch.store.registry import data_set

NAME = "pneumothorax"
CLASSES = ("no pneumothorax", "pneumothorax")


def fetch_pneumothorax(
    source: str | None = None,
    split: str = "train",
    size: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
    films: int | None = None,
) -> ImageSet:
    """Chest films with and without a pneumothorax, as many of either.

    What : frontal films, label 1 is gas beside a lung.
    Counts and units : phantoms 1,000, 200 and 300 films, NIH 398 to 9,964, half of them positive; greys 0 to 255.
    Format : uint8 (N, size, size), bone white, memory-mapped from the cache; masks bool or boxes, a table, a card.
    Load with : ``fetch_pneumothorax()``, or ``data-fetch get pneumothorax``.
    Source : drawn by `data_fetch.sources.phantoms`; NIH ChestX-ray14 (Wang et al., CVPR 2017); MIT 6.S191, lab 2 part 2.
    Licence : CC BY 4.0 (phantoms); no restriction, with link, acknowledgement and citation (NIH); not stated (MIT).
    Processing : none (phantoms); luma and area average down from 1024 (NIH) or 256 pixels (MIT), nothing else.

    Parameters
    ----------
    source : "phantom", "nih" or "mit", optional
        Rendered phantoms; NIH ChestX-ray14; or the HDF5 files of MIT 6.S191. By default DATA_FETCH_SOURCE, else what
        the profile says.
    split : "train", "validation" or "test"
        Phantoms: 1,000, 200 and 300 films, half of each positive, of different patients. NIH: five, one and two
        eighths of the chosen films, by patient. MIT: seven eighths of the training file, the rest of it, and the test
        file; its patients are not known, so they may overlap (the card warns).
    size : int, optional
        Height and width in pixels, 64 to 1024 (MIT: to 256); the profile's by default (128 cpu, 256 gpu).
    cache_dir : path, optional
        Where to keep the films; DATA_FETCH_DIR, else the user's cache folder.
    progress : bool
        Whether to show a progress bar when films have to be made or downloaded.
    films : int, optional
        NIH only: how many films are wanted in all splits together, half of them positive, an even number up to 9,964.
        By default 398, which the first archive holds; `data_fetch.sources.nih.pneumothorax.archives_needed` tells which
        archives a number needs. A mirror may hold fewer; the card says so.

    Returns
    -------
    ImageSet
        `images` uint8 (N, size, size). Phantoms: `masks` "pneumothorax" (the gas), "drain", "fold" (of skin, a mimic),
        "lungs" (the room that they have, the gas included) and "heart"; `attributes` view, sex, age, severity (the
        part of its side of the chest that the gas takes, 0-1), side ("R", "L" or missing), drain, fold. NIH: `boxes`
        where a radiologist drew them.

    Raises
    ------
    DataFetchError
        For an unknown source or split, when the source cannot be reached or is not what it should be, and when a
        split would lack a class.
    """
    source = choose_source(NAME, source)
    choose_split(NAME, source, split)
    found = read_stored_set(stored_folder(source, split, size, cache_dir, progress, films), CLASSES)
    if source != "phantom":
        found = of_split(found, split)
    found = finished(found, NAME, source, split)
    card = dict(found.card)
    if wanted := card.pop("wanted", None):
        card["films"] = wanted[split]
    return replace(found, card=MappingProxyType(card))


def stored_folder(
    source: str,
    split: str,
    size: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
    films: int | None = None,
) -> pathlib.Path:
    """The stored set that holds a split, fetched or rendered first if it is not in the cache."""
    size = check_size(profile().sizes[NAME] if size is None else size)
    if films is not None and source != "nih":
        raise DataFetchError(
            "Only NIH films come in a number of your choice.", where="films=", expected="source='nih'", got=repr(source)
        )
    folder = cache.cache_folder(cache_dir)
    start = f"{NAME}-{source}-v{data_set(NAME)['sources'][source]['version']}-{size}"
    make: Callable[[pathlib.Path], None]
    if source == "phantom":
        set_id = f"{start}-{split}"

        def make(part: pathlib.Path) -> None:
            copied_or_rendered(set_id, part, lambda empty: _render(split, size, empty, progress))

    elif source == "nih":
        return _nih_folder(start, size, folder, progress, films)
    else:
        from data_fetch.sources.mit import films as mit

        if size > mit.PUBLISHED_SIZE:
            raise DataFetchError(
                "These films are not enlarged.", where="size=", expected=f"64 to {mit.PUBLISHED_SIZE}", got=repr(size)
            )
        half = "test" if split == "test" else "train"
        set_id = f"{start}-{half}"

        def make(part: pathlib.Path) -> None:
            if not mirror.copy_from_mirror(set_id, part):
                mit.write_pneumothorax(half, size, part, cache_dir, progress)

    return cache.stored_set(set_id, make, folder, quiet=not progress)


def _nih_folder(start: str, size: int, folder: pathlib.Path, progress: bool, films: int | None) -> pathlib.Path:
    # All splits come out of the same archives, so they are fetched in one go and stored as one set.
    from data_fetch.sources.nih import pneumothorax as nih_pneumothorax

    count = nih_pneumothorax.check_films(films)
    origin = nih_source(folder)
    set_id = f"{start}-{count}-{origin.key}"
    pieces = folder / "partial" / set_id

    def make(part: pathlib.Path) -> None:
        if not mirror.copy_from_mirror(set_id, part):
            nih_pneumothorax.write_pneumothorax(origin, count, size, part, pieces, progress)

    stored = cache.stored_set(set_id, make, folder, quiet=not progress)
    if pieces.is_dir():
        shutil.rmtree(pieces, ignore_errors=True)
    return stored


def _render(split: str, size: int, part: pathlib.Path, progress: bool) -> None:
    from data_fetch.sources.phantoms import pneumothorax

    pneumothorax.write(split, size, part, progress)
