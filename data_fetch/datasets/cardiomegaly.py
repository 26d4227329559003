"""Cardiomegaly: an enlarged heart (index 1) against a normal film (index 0)."""

from __future__ import annotations

import functools
import os

from data_fetch.datasets.dataset import Dataset
from data_fetch.datasets.imageset import ImageSet
from data_fetch.sources.nih.cardiomegaly import rule
from data_fetch.sources.nih.source import NihSource
from data_fetch.sources.phantoms.source import PhantomSource

CARDIOMEGALY = Dataset(
    "cardiomegaly",
    ("normal", "cardiomegaly"),
    {"phantom": PhantomSource, "nih": functools.partial(NihSource, make_rule=rule)},
    sized_as="cardiomegaly",
    folds_of="develop",
)


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
    Processing : none (phantoms); luma, area-averaged from 1024 pixels, nothing else (NIH).

    Parameters
    ----------
    source : "phantom" or "nih", optional
        Rendered phantoms, or NIH ChestX-ray14. By default DATA_FETCH_SOURCE, else the profile's source.
    split : str
        "develop": 400 films, 352 normal and 48 enlarged, ordered by the stored ``attributes["fold"]`` (0-9, by
        patient, stratified). "validation" is its fold 0 and "train" the other folds, both views of the same file.
        "test": 300 films, 100 enlarged, of other patients. "pretrain" (phantoms only): 1,000 films, 400 enlarged, of
        patients in no other split, for the course's checkpoint. A mirror of NIH films may hold fewer; the card says so.
    size : int, optional
        Height and width in pixels, 64 to 1024; the profile's by default (256 cpu, 512 gpu).
    cache_dir : path, optional
        Where to keep the films; DATA_FETCH_DIR, else the user's cache folder.
    progress : bool
        Whether to show a progress bar when films have to be rendered or downloaded.

    Returns
    -------
    ImageSet
        `images` uint8 (N, size, size); `masks` "heart" and "lungs" for phantoms; `boxes` for NIH films.

    Raises
    ------
    DataFetchError
        For an unknown source or split, if the source cannot be reached or is not as expected, and if a split would
        lack a class.
    """
    return CARDIOMEGALY.fetch(source, split, size, cache_dir, progress)
