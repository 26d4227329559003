"""Cardiomegaly: an enlarged heart (index 1) against a normal film (index 0)."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from data_fetch import cache, mirror, nih, transport
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
    source = choose_source(source)
    choose("split", split, data_set("cardiomegaly")["sources"][source]["splits"], where=f"cardiomegaly, {source}")
    films = read_stored_set(stored_folder(source, split, size, cache_dir, progress), CLASSES)
    if source == "nih":
        films = _half(films, "test" if split == "test" else "develop")
    if split in ("train", "validation"):
        first = _first_fold(films)
        films = films.subset(slice(0, first) if split == "validation" else slice(first, None))
    _refuse_without_a_class(films, source, split)
    return replace(films, card=_card(films, split))


def choose_source(source: str | None) -> str:
    """The source asked for, else DATA_FETCH_SOURCE, else the profile's."""
    where = "source="
    if source is None:
        source, where = os.environ.get("DATA_FETCH_SOURCE", "").strip(), "the environment variable DATA_FETCH_SOURCE"
    return choose("source", source or profile().source, data_set("cardiomegaly")["sources"], where=where)


def stored_folder(
    source: str,
    split: str,
    size: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> pathlib.Path:
    """The stored set that holds a split, fetched or rendered first if it is not in the cache."""
    size = _check_size(profile().sizes["cardiomegaly"] if size is None else size)
    folder = cache.cache_folder(cache_dir)
    version = data_set("cardiomegaly")["sources"][source]["version"]
    if source == "phantom":
        kept = "develop" if split in ("train", "validation") else split
        set_id = f"cardiomegaly-phantom-v{version}-{size}-{kept}"
        return cache.stored_set(
            set_id, lambda part: _make_phantoms(set_id, kept, size, part, progress), folder, quiet=not progress
        )
    # Development and test films come out of the same archive, so they are fetched in one go and stored as one set.
    origin = nih.find_source(folder)
    set_id = f"cardiomegaly-nih-v{version}-{size}-{origin.key}"
    pieces = folder / "partial" / set_id

    def make(part: pathlib.Path) -> None:
        if not mirror.copy_from_mirror(set_id, part):
            nih.write_cardiomegaly(origin, size, part, pieces, progress)

    stored = cache.stored_set(set_id, make, folder, quiet=not progress)
    if pieces.is_dir():
        shutil.rmtree(pieces, ignore_errors=True)
    return stored


def _check_size(size: int) -> int:
    """Films are square, with sides up to the NIH originals' 1024 pixels."""
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or not 64 <= size <= 1024:
        raise DataFetchError(
            "Films cannot have this size.", where="size=", expected="a whole number from 64 to 1024", got=repr(size)
        )
    return int(size)


def _make_phantoms(set_id: str, split: str, size: int, part: pathlib.Path, progress: bool) -> None:
    try:
        if mirror.copy_from_mirror(set_id, part):
            return
    except transport.CannotReach as problem:
        # Phantoms need no mirror; it only saves their rendering.
        print(f"The mirror does not answer, so the phantoms are rendered here.\n{problem}", file=sys.stderr)
        shutil.rmtree(part)
        part.mkdir()
    # Imported here: a set that is in the cache needs none of the renderer.
    from data_fetch.phantoms import cardiomegaly
    from data_fetch.phantoms.pool import PhantomError

    try:
        cardiomegaly.write(split, size, part, progress)
    except PhantomError as problem:
        raise DataFetchError(
            f"The phantoms could not be rendered. {problem}", next="run the same command again"
        ) from problem


def _half(films: ImageSet, split: str) -> ImageSet:
    """The development or the test films of a stored NIH set, which holds one after the other."""
    develop = int((films.attributes["split"] == "develop").sum())
    part = films.subset(slice(0, develop) if split == "develop" else slice(develop, None))
    return replace(part, attributes=part.attributes.drop(columns=["split"] + ["fold"] * (split == "test")))


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


def _refuse_without_a_class(films: ImageSet, source: str, split: str) -> None:
    counts = [int((films.labels == label).sum()) for label in range(len(CLASSES))]
    if 0 in counts:
        raise DataFetchError(
            f"The {split} split would lack a class, and nothing could be learned or measured on it.",
            where=f"cardiomegaly, {source}"
            + (f" from {transport.mirror_address()}" if films.card["source"] == "nih" else ""),
            expected="normal and enlarged hearts, of patients that no other split uses",
            got=", ".join(f"{count} {name}" for count, name in zip(counts, CLASSES, strict=True)),
            next="use a source with more patients (unset DATA_FETCH_MIRROR), or source='phantom'",
        )


def _card(films: ImageSet, split: str) -> MappingProxyType:
    counts = {name: int((films.labels == label).sum()) for label, name in enumerate(CLASSES)}
    counts = {"films": len(films), **counts, "patients": len(np.unique(films.patients))}
    card = {**films.card, "split": split, "counts": counts}
    card.pop("subset_of", None)
    if wanted := card.pop("wanted", None):
        card["films"] = wanted["test" if split == "test" else "develop"]
    return MappingProxyType(card)
