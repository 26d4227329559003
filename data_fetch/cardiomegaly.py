"""Cardiomegaly: an enlarged heart (index 1) against a normal film (index 0)."""

from __future__ import annotations

import os
import pathlib

import numpy as np

from data_fetch import cache
from data_fetch.errors import DataFetchError, choose
from data_fetch.imageset import ImageSet, read_stored_set
from data_fetch.profiles import profile
from data_fetch.registry import data_set

CLASSES = ("normal", "cardiomegaly")


def fetch_cardiomegaly(
    source: str | None = None,
    split: str = "develop",
    size: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> ImageSet:
    """Chest films with a normal or an enlarged heart.

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
        Height and width in pixels; the profile's by default (256 cpu, 512 gpu).
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
    entry = data_set("cardiomegaly")
    where = "source="
    if source is None:
        source, where = os.environ.get("DATA_FETCH_SOURCE", "").strip(), "the environment variable DATA_FETCH_SOURCE"
    source = choose("source", source or profile().source, entry["sources"], where=where)
    choose("split", split, entry["sources"][source]["splits"], where=f"cardiomegaly, source {source!r}")
    size = check_size(profile().sizes["cardiomegaly"] if size is None else size)
    folder = cache.cache_folder(cache_dir)
    films = _phantoms(split, size, folder, progress)
    if split == "validation":
        return films.subset(slice(0, _first_fold(films)))
    if split == "train":
        return films.subset(slice(_first_fold(films), None))
    return films


def check_size(size: int) -> int:
    """Films are square, with sides from 32 to 1024 pixels (the NIH originals' size)."""
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or not 32 <= size <= 1024:
        raise DataFetchError(
            "Films cannot have this size.", where="size=", expected="a whole number from 32 to 1024", got=repr(size)
        )
    return int(size)


def _phantoms(split: str, size: int, folder: pathlib.Path, progress: bool) -> ImageSet:
    stored_split = "develop" if split in ("train", "validation") else split
    version = data_set("cardiomegaly")["sources"]["phantom"]["version"]

    def make(part: pathlib.Path) -> None:
        # Imported here: a set that is in the cache needs none of the renderer.
        from data_fetch.phantoms import cardiomegaly

        cardiomegaly.write(stored_split, size, part, progress)

    set_id = f"cardiomegaly-phantom-v{version}-{size}-{stored_split}"
    return read_stored_set(cache.stored_set(set_id, make, folder, quiet=not progress), CLASSES)


def _first_fold(films: ImageSet) -> int:
    """How many films fold 0 has: they are the first ones, so that both parts are slices of one mapped file."""
    folds = films.attributes["fold"].to_numpy()
    if not (np.diff(folds) >= 0).all() or folds[0] != 0:
        raise DataFetchError(
            "The films of this stored set are not ordered by fold, so it has no training and validation part.",
            expected="folds 0, 0, ..., 1, 1, ...",
            next="data-fetch verify",
        )
    return int(np.searchsorted(folds, 1))
