"""The cardiomegaly films with a cue drawn in that correlates with the label: a shortcut that a network may learn."""

from __future__ import annotations

import functools
import os
import pathlib

import numpy as np

from data_fetch.datasets import cues
from data_fetch.datasets.cardiomegaly import CARDIOMEGALY
from data_fetch.datasets.dataset import Dataset
from data_fetch.datasets.imageset import ImageSet
from data_fetch.errors import choose
from data_fetch.sources.source import Source
from data_fetch.store import tomltext
from data_fetch.store.arrays import new_array
from data_fetch.store.stored_sets import StoredSet

# Share of the (normal, enlarged) films that carry the cue. The correlation has a few exceptions, as in hospitals: without
# them no choice of training films could weaken it.
TIED, LOOSE, REVERSED = (0.01, 0.99), (0.5, 0.5), (0.99, 0.01)
SHARES = {"develop": TIED, "pretrain": TIED, "own": TIED, "neutral": LOOSE, "reversed": REVERSED}


class CuedSource(Source):
    """A source of the clean films, with a cue drawn into them: a stored set for each split and cue."""

    holds_all_splits = False

    def __init__(
        self,
        dataset: str,
        cache: pathlib.Path,
        progress: bool = True,
        refresh: bool = False,
        *,
        clean: str,
        cue: str = "tag",
    ) -> None:
        self.name = clean
        super().__init__(dataset, cache, progress, refresh)
        self.clean = CARDIOMEGALY.source(clean, cache, progress, refresh)
        self.cue = choose("cue", cue, cues.RECIPES, where="cue=")

    @property
    def place(self) -> str:
        """The place of the clean films."""
        return self.clean.place

    @property
    def downloaded(self) -> Source:
        """The source of the clean films; the cue is drawn in afterwards."""
        return self.clean

    def stored_set(self, split: str, size: int) -> StoredSet:
        """The films of a split with cues drawn in; fetches or renders the clean films, which determine its name."""
        fetched = CARDIOMEGALY.get(self.clean, clean_split(split), size)
        clean, below = fetched.films, fetched.stored
        # NIH films depend on their origin; the same films are the same set, whatever the mirror's URL.
        where = f"-{below.variant}" if below.variant else ""
        version = f"{clean.card['version']}.{self.entry['version']}"
        return StoredSet(
            f"{self.dataset}-{self.name}-v{version}-{size}-{self.cue}-{split}{where}",
            lambda part: _write(clean, split, self.cue, part),
            made_here=below.made_here,
            variant=below.variant,
            made_from=fetched.folders,
            masks=clean.masks,
        )


CARDIOMEGALY_BIASED = Dataset(
    "cardiomegaly_biased",
    CARDIOMEGALY.classes,
    {name: functools.partial(CuedSource, clean=name) for name in CARDIOMEGALY.makers},
    sized_as=CARDIOMEGALY.sized_as,
    folds_of=CARDIOMEGALY.folds_of,
)


def fetch_cardiomegaly_biased(
    source: str | None = None,
    split: str = "develop",
    cue: str = "tag",
    size: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> ImageSet:
    """The films of :func:`fetch_cardiomegaly`, some with a cue drawn in that correlates with the label.

    What : frontal films, label 1 is cardiomegaly; some carry a cue that has nothing to do with the disease.
    Counts and units : "develop" 400 films (48 enlarged), three test sets of the same 300 (100); greys 0 to 255.
    Format : uint8 (N, size, size), bone white, memory-mapped from the cache; mask "cue" bool, a table, a card.
    Load with : ``fetch_cardiomegaly_biased()``, or ``data-fetch get cardiomegaly_biased``.
    Source : the films of `fetch_cardiomegaly`; the cues are drawn by `data_fetch.datasets.cues`.
    Licence : that of the films: CC BY 4.0 (phantoms); no restriction, with link, acknowledgement and citation (NIH).
    Processing : as `fetch_cardiomegaly`, then the cue.

    Parameters
    ----------
    source : "phantom" or "nih", optional
        As for :func:`fetch_cardiomegaly`; the cue is drawn into either by the same recipe (`data_fetch.datasets.cues`).
    split : str
        "develop": the 400 films of that split; the cue is on 99 % of the enlarged hearts and 1 % of the normal ones.
        "validation" and "train" are its fold 0 and the other folds, by patient. "pretrain" (phantoms only): 1,000
        films, with the same shares. "own", "neutral" and "reversed": three test sets of the *same* 300 films (100
        enlarged), of patients that no other split uses, with the cue as in training; on half of each class, so that it
        is uninformative; and with the shares reversed (99 % of the normal, 1 % of the enlarged hearts).
    cue : "tag", "marker" or "text"
        The cue to draw: see `data_fetch.datasets.cues`.
    size : int, optional
        Height and width in pixels, 64 to 1024; that of the cardiomegaly films by default.
    cache_dir : path, optional
        Where to keep the films; DATA_FETCH_DIR, else the user's cache folder.
    progress : bool
        Whether to show a progress bar when films have to be rendered or downloaded.

    Returns
    -------
    ImageSet
        `images` uint8 (N, size, size); `masks` "cue" (exactly the pixels that the cue changed; empty on films without
        one) and, for phantoms, "heart" and "lungs"; `attributes["cue"]` says whether a film carries it. The clean film
        of row i is row i of ``fetch_cardiomegaly(source, split, size)``, where the three test sets are "test".

    Raises
    ------
    DataFetchError
        As :func:`fetch_cardiomegaly`, and for an unknown cue.
    """
    return CARDIOMEGALY_BIASED.fetch(source, split, size, cache_dir, progress, cue=cue)


def clean_split(split: str) -> str:
    """The split of `fetch_cardiomegaly` that holds the same films without the cue, row by row."""
    return "test" if split in ("own", "neutral", "reversed") else split


def _write(clean: ImageSet, split: str, cue: str, part: pathlib.Path) -> None:
    """Write the films with the cue, its masks, the table and the card into an existing empty folder."""
    carrying = np.zeros(len(clean), bool)
    for label, share in enumerate(SHARES[split]):
        of_class = clean.names[clean.labels == label]
        # Each test set draws separately, so that no film has the cue in all three because of its name.
        chosen = cues.carriers([f"{split}:{name}" for name in of_class], share)
        carrying |= np.isin(clean.names, [one.partition(":")[2] for one in chosen])
    (part / "masks").mkdir()
    images = new_array(part / "images.npy", np.uint8, clean.images.shape)
    masks = new_array(part / "masks" / "cue.npy", bool, clean.images.shape)
    for row in range(len(clean)):
        here = slice(row, row + 1)
        images[here] = clean.images[here]
        if carrying[row]:
            images[here], masks[here] = cues.paste_cue(clean.images[here], cue, clean.names[here])
    images.flush()
    masks.flush()
    table = clean.attributes.copy()
    table.insert(0, "name", clean.names)
    table.insert(1, "label", clean.labels)
    table.insert(2, "patient", clean.patients)
    table["cue"] = carrying
    table.to_csv(part / "table.csv", index=False, lineterminator="\n")
    if clean.boxes is not None:
        clean.boxes.to_csv(part / "boxes.csv", index=False, lineterminator="\n")
    (part / "card.toml").write_text(tomltext.dumps(_card(clean, split, cue, carrying)), encoding="utf-8")


def _card(clean: ImageSet, split: str, cue: str, carrying: np.ndarray) -> dict[str, object]:
    # The baselines of the clean films do not hold with a cue on them.
    card = {key: value for key, value in clean.card.items() if key not in ("counts", "baselines", "split")}
    with_cue = {kind: int(carrying[clean.labels == label].sum()) for label, kind in enumerate(clean.classes)}
    return {
        **card,
        "name": f"cardiomegaly_biased-{clean.card['source']}",
        "preprocessing": f"{clean.card['preprocessing']}; then the cue by data_fetch.paste_cue",
        "clean": f"the same films in the same order: fetch_cardiomegaly, split {clean_split(split)!r}",
        "cue": {"kind": cue, "seed": cues.SEED, **{f"on_{kind}": count for kind, count in with_cue.items()}},
    }
