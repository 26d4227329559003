"""Cardiomegaly: an enlarged heart (index 1) against a normal film (index 0)."""

from __future__ import annotations

import os
import pathlib
import shutil
from dataclasses import replace
from types import MappingProxyType

from data_fetch.datasets.fetching import (
    check_size,
    choose_source,
    choose_split,
    copied_or_rendered,
    finished,
    nih_source,
    of_fold,
    of_split,
)
from data_fetch.datasets.imageset import ImageSet, read_stored_set
from data_fetch.profiles import profile
from data_fetch.sources.nih import films as nih
from data_fetch.store import cache, mirror
from data_fetch.store.registry import data_set

NAME = "cardiomegaly"
CLASSES = ("normal", "cardiomegaly")


def fetch_cardiomegaly(
    source: str | None = None,
    split: str = "develop",
    size: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> ImageSet:
    """Chest films with a normal or an enlarged heart.

    What : frontal films, label 1 is cardiomegaly; for phantoms a true cardiothoracic ratio above 0.5.
    Counts and units : "develop" 400 films (48 enlarged), "test" 300 (100), "pretrain" 1,000 (400); greys 0 to 255.
    Format : uint8 (N, size, size), bone white, memory-mapped from the cache; masks bool, a table, a card.
    Load with : ``fetch_cardiomegaly()``, or ``data-fetch get cardiomegaly``.
    Source : drawn by `data_fetch.sources.phantoms`, or NIH ChestX-ray14 (Wang et al., CVPR 2017), first archive.
    Licence : CC BY 4.0 (phantoms); no restriction on use, with link, acknowledgement and citation (NIH).
    Processing : none (phantoms); luma, area average down from 1024 pixels, nothing else (NIH).

    Parameters
    ----------
    source : "phantom" or "nih", optional
        Rendered phantoms, or NIH ChestX-ray14. By default DATA_FETCH_SOURCE, else what the profile says.
    split : str
        "develop": 400 films, 352 normal and 48 enlarged, ordered by the stored ``attributes["fold"]`` (0-9, by
        patient, stratified). "validation" is its fold 0 and "train" the other folds, both views of the same file.
        "test": 300 films, 100 enlarged, of further patients. "pretrain" (phantoms only): 1,000 films, 400 enlarged,
        of yet other patients, for the course's checkpoint. A mirror of NIH films may hold fewer; the card says so.
    size : int, optional
        Height and width in pixels, 64 to 1024; the profile's by default (256 cpu, 512 gpu).
    cache_dir : path, optional
        Where to keep the films; DATA_FETCH_DIR, else the user's cache folder.
    progress : bool
        Whether to show a progress bar when films have to be made or downloaded.

    Returns
    -------
    ImageSet
        `images` uint8 (N, size, size); `masks` "heart" and "lungs" for phantoms; `boxes` for NIH films.

    Raises
    ------
    DataFetchError
        For an unknown source or split, when the source cannot be reached or is not what it should be, and when a
        split would lack a class.
    """
    source = choose_source(NAME, source)
    choose_split(NAME, source, split)
    films = read_stored_set(stored_folder(source, split, size, cache_dir, progress), CLASSES)
    if source == "nih":
        films = of_split(films, "test" if split == "test" else "develop")
    films = finished(of_fold(films, split), NAME, source, split)
    card = dict(films.card)
    if wanted := card.pop("wanted", None):
        card["films"] = wanted["test" if split == "test" else "develop"]
    return replace(films, card=MappingProxyType(card))


def stored_folder(
    source: str,
    split: str,
    size: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> pathlib.Path:
    """The stored set that holds a split, fetched or rendered first if it is not in the cache."""
    size = check_size(profile().sizes[NAME] if size is None else size)
    folder = cache.cache_folder(cache_dir)
    version = data_set(NAME)["sources"][source]["version"]
    if source == "phantom":
        kept = "develop" if split in ("train", "validation") else split
        set_id = f"cardiomegaly-phantom-v{version}-{size}-{kept}"

        def drawn(part: pathlib.Path) -> None:
            copied_or_rendered(set_id, part, lambda empty: _render(kept, size, empty, progress))

        return cache.stored_set(set_id, drawn, folder, quiet=not progress)
    # Development and test films come out of the same archive, so they are fetched in one go and stored as one set.
    origin = nih_source(folder)
    set_id = f"cardiomegaly-nih-v{version}-{size}-{origin.key}"
    pieces = folder / "partial" / set_id

    def make(part: pathlib.Path) -> None:
        if not mirror.copy_from_mirror(set_id, part):
            nih.write_cardiomegaly(origin, size, part, pieces, progress)

    stored = cache.stored_set(set_id, make, folder, quiet=not progress)
    if pieces.is_dir():
        shutil.rmtree(pieces, ignore_errors=True)
    return stored


def _render(split: str, size: int, part: pathlib.Path, progress: bool) -> None:
    from data_fetch.sources.phantoms import cardiomegaly

    cardiomegaly.write(split, size, part, progress)
