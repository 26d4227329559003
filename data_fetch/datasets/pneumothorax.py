"""Pneumothorax: gas between chest wall and lung (index 1) against films without (index 0)."""

from __future__ import annotations

import functools
import os

from data_fetch.datasets.dataset import Dataset
from data_fetch.datasets.imageset import ImageSet
from data_fetch.sources.mit.source import MitSource
from data_fetch.sources.nih.pneumothorax import rule
from data_fetch.sources.nih.source import NihSource
from data_fetch.sources.phantoms.source import PhantomSource

PNEUMOTHORAX = Dataset(
    "pneumothorax",
    ("no pneumothorax", "pneumothorax"),
    {"phantom": PhantomSource, "nih": functools.partial(NihSource, make_rule=rule), "mit": MitSource},
    sized_as="pneumothorax",
)


def fetch_pneumothorax(
    source: str | None = None,
    split: str = "train",
    size: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
    films: int | None = None,
) -> ImageSet:
    """Chest films with and without a pneumothorax, in equal numbers.

    What : frontal films, label 1 is gas between chest wall and lung.
    Counts and units : phantoms 1,000, 200 and 300 films, NIH 398 to 9,964, half of them positive; greys 0 to 255.
    Format : uint8 (N, size, size), bone white, memory-mapped from the cache; masks bool or boxes, a table, a card.
    Load with : ``fetch_pneumothorax()``, or ``data-fetch get pneumothorax``.
    Source : drawn by `data_fetch.sources.phantoms`; NIH ChestX-ray14 (Wang et al., CVPR 2017); MIT 6.S191, lab 2 part 2.
    Licence : CC BY 4.0 (phantoms); no restriction, with link, acknowledgement and citation (NIH); not stated (MIT).
    Processing : none (phantoms); luma and area-averaged from 1024 (NIH) or 256 pixels (MIT), nothing else.

    Parameters
    ----------
    source : "phantom", "nih" or "mit", optional
        Rendered phantoms; NIH ChestX-ray14; or the HDF5 files of MIT 6.S191. By default DATA_FETCH_SOURCE, else the
        profile's source.
    split : "train", "validation" or "test"
        Phantoms: 1,000, 200 and 300 films, half of each positive, of different patients. NIH: five, one and two
        eighths of the chosen films, by patient. MIT: seven eighths of the training file, the rest of it, and the test
        file; its patients are unknown, so they may overlap (the card has a warning).
    size : int, optional
        Height and width in pixels, 64 to 1024 (MIT: to 256); the profile's by default (128 cpu, 256 gpu).
    cache_dir : path, optional
        Where to keep the films; DATA_FETCH_DIR, else the user's cache folder.
    progress : bool
        Whether to show a progress bar when films have to be rendered or downloaded.
    films : int, optional
        NIH only: total number of films in all splits, half of them positive; an even number up to 9,964. By default
        398, which the first archive holds; `data_fetch.sources.nih.pneumothorax.archives_needed` returns the archives
        that a number requires. A mirror may hold fewer; the card says so.

    Returns
    -------
    ImageSet
        `images` uint8 (N, size, size). Phantoms: `masks` "pneumothorax" (the gas), "drain", "fold" (of skin, a mimic),
        "lungs" (the space for the lungs, including the gas) and "heart"; `attributes` view, sex, age, severity (the
        fraction of its side of the chest filled by the gas, 0-1), side ("R", "L" or missing), drain, fold. NIH: `boxes`
        if a radiologist drew them.

    Raises
    ------
    DataFetchError
        For an unknown source or split, if the source cannot be reached or is not as expected, and if a split would
        lack a class.
    """
    return PNEUMOTHORAX.fetch(source, split, size, cache_dir, progress, films=films)
