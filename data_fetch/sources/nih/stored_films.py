"""From chosen NIH films to a stored set: fetch them from their archives and write them with their metadata."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

import numpy as np

from data_fetch.progress import bar
from data_fetch.sources.nih.film_choice import Chosen
from data_fetch.sources.nih.index import nih_index
from data_fetch.store import tomltext
from data_fetch.store.arrays import new_array
from data_fetch.transfer.archives import film_path, take_films


def write_films(
    chosen: Chosen,
    card: Mapping[str, object],
    size: int,
    part: pathlib.Path,
    pieces: pathlib.Path,
    progress: bool,
) -> None:
    """Fetch the films and write the stored set into an existing empty folder.

    Parameters
    ----------
    chosen : Chosen
    card : mapping
        From :func:`data_fetch.sources.nih.card.card_of`.
    size : int
        Height and width of the films.
    part : Path
        Receives images.npy, table.csv, boxes.csv and card.toml.
    pieces : Path
        Folder of confirmed films; those left by an earlier run are not fetched again.
    """
    index = nih_index()
    names = index.names(chosen.rows)
    with bar(f"NIH films, {size} px", len(names), progress) as step:
        take_films(chosen.archives, pieces, size, step)
    archive_of = {name: archive.name for archive in chosen.archives for name in archive.wanted}
    images = new_array(part / "images.npy", np.uint8, (len(names), size, size))
    for film, name in enumerate(names):
        images[film] = np.load(film_path(pieces / archive_of[name], name))
    images.flush()
    del images

    table = index.attributes(chosen.rows, size)
    table["archive"] = [archive_of[name] for name in names]
    table["fold"] = chosen.folds
    table["split"] = chosen.splits
    table.insert(0, "name", names)
    table.insert(1, "label", index.has(chosen.finding)[chosen.rows].astype(int))
    table.insert(2, "patient", index.patient[chosen.rows].astype(int))
    table.to_csv(part / "table.csv", index=False, lineterminator="\n")
    index.boxes(chosen.rows, size).to_csv(part / "boxes.csv", index=False, lineterminator="\n")
    (part / "card.toml").write_text(tomltext.dumps(card), encoding="utf-8")
