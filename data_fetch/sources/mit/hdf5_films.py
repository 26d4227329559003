"""Convert the two HDF5 files of MIT 6.S191, lab 2 part 2, to a stored set; they are read in chunks, never whole.

Each file has `image`, (N, 256, 256, 1) with greys from 0 to 255, and `label`, (N, 2) one-hot, in which index 1 means
pneumothorax. They name neither films nor patients.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from data_fetch.errors import DataFetchError
from data_fetch.progress import bar
from data_fetch.sources.splits import shuffled
from data_fetch.store import files, tomltext
from data_fetch.store.arrays import new_array
from data_fetch.store.registry import data_set, registry

if TYPE_CHECKING:
    import h5py

PUBLISHED_SIZE = 256
SEED = 2019
VALIDATION = 8  # one in this many films of the training file, per class
FILES = {"train": "pneumothorax-mit-train", "test": "pneumothorax-mit-test"}
_CHUNK = 64  # films per read


def write_pneumothorax(
    half: str, size: int, part: pathlib.Path, cache_dir: str | os.PathLike[str] | None, progress: bool
) -> None:
    """Fetch one of the files and write its films as a stored set into an existing empty folder.

    Parameters
    ----------
    half : "train" or "test"
        "train" begins with the validation films, one in eight of each class, chosen by a stored seed.
    size : int
        64 to 256: these films are never enlarged.
    part : Path
        Receives images.npy, table.csv and card.toml.

    Raises
    ------
    DataFetchError
        If the file cannot be obtained, differs from the first download, is truncated, or has a different layout. A file
        that cannot be read is deleted, so that the next run downloads it again.
    """
    import pandas

    path = files.fetch_file(FILES[half], cache_dir, progress)
    filename = path.name
    try:
        with opened(path) as (images, one_hot):
            labels = np.argmax(one_hot, axis=1).astype(np.int64)
            order = np.arange(len(labels))
            splits = np.full(len(labels), half, dtype="U10")
            if half == "train":
                of_class = [shuffled(np.flatnonzero(labels == label).tolist(), SEED) for label in (0, 1)]
                held = [row for rows in of_class for row in rows[: max(1, len(rows) // VALIDATION)]]
                order = np.concatenate([np.sort(held), np.setdiff1d(order, held)]).astype(np.int64)
                splits[: len(held)] = "validation"
            place = np.argsort(order)  # row of the file -> row of the set
            target = new_array(part / "images.npy", np.uint8, (len(labels), size, size))
            with bar(f"Reading {filename}", len(labels), progress) as step:
                for start in range(0, len(labels), _CHUNK):
                    chunk = _greys(images[start : start + _CHUNK], path, start)
                    for row, film in zip(place[start : start + _CHUNK], chunk, strict=True):
                        target[row] = _shrunk(film, size)
                        step()
            target.flush()
    except _WrongFile:
        files.forget(path)
        raise
    table = pandas.DataFrame(
        {
            "name": [f"{filename}/{row:06d}" for row in order],
            "label": labels[order],
            "patient": [f"{half}-{row:06d}" for row in order],
            "split": splits,
        }
    )
    table.to_csv(part / "table.csv", index=False, lineterminator="\n")
    (part / "card.toml").write_text(tomltext.dumps(_card(half, size, path)), encoding="utf-8")


class _WrongFile(DataFetchError):
    pass


@contextlib.contextmanager
def opened(path: pathlib.Path) -> Iterator[tuple[h5py.Dataset, np.ndarray]]:
    """The films, not read yet, and their one-hot labels (N, 2), after checking that the layout is the published one.

    Raises
    ------
    DataFetchError
        If the file is not HDF5 or has a different layout; it is then deleted.
    """
    import h5py

    def wrong(what: str, expected: str, got: str) -> _WrongFile:
        return _WrongFile(
            f"{what} The file was deleted.",
            where=path,
            expected=expected,
            got=got,
            next="run the same command again; if it happens twice, the publisher has changed the file",
        )

    try:
        with h5py.File(path, "r") as file:
            missing = [key for key in ("image", "label") if not isinstance(file.get(key), h5py.Dataset)]
            if missing:
                raise wrong(
                    f"This HDF5 file has no data set {' and no '.join(map(repr, missing))}.",
                    "the data sets 'image' and 'label'",
                    ", ".join(sorted(file)) or "an empty file",
                )
            images, label = file["image"], file["label"]
            side = PUBLISHED_SIZE
            if images.ndim != 4 or images.shape[1:] != (side, side, 1) or images.dtype.kind not in "uif":
                raise wrong(
                    "The films have a different layout.",
                    f"numeric 'image' (N, {side}, {side}, 1)",
                    f"{images.dtype} {images.shape}",
                )
            if label.shape != (len(images), 2) or label.dtype.kind not in "uifb" or not len(images):
                raise wrong(
                    "The labels do not match the films.", f"'label' ({len(images)}, 2)", f"{label.dtype} {label.shape}"
                )
            one_hot = label[...].astype(float)
            if not (np.isin(one_hot, (0, 1)).all() and (one_hot.sum(axis=1) == 1).all()):
                bad = int(np.flatnonzero((one_hot.sum(axis=1) != 1) | ~np.isin(one_hot, (0, 1)).all(axis=1))[0])
                raise wrong("The labels are not one-hot.", "a 1 and a 0 in each row", f"row {bad}: {one_hot[bad]}")
            yield images, one_hot
    except OSError as reason:
        if reason.errno is not None:
            raise  # for example from the disk to which the films are written
        # h5py detects a truncated file by the length in its header.
        raise wrong(
            f"This is not an HDF5 file, or it is truncated ({reason}).",
            "a complete HDF5 file",
            f"{path.stat().st_size:,} bytes",
        ) from None


def _greys(chunk: np.ndarray, path: pathlib.Path, start: int) -> np.ndarray:
    """(n, 256, 256, 1) numbers from 0 to 255 -> uint8 (n, 256, 256)."""
    low, high = float(chunk.min()), float(chunk.max())
    if not (low >= 0 and high <= 255):  # NaN included
        raise _WrongFile(
            "Grey values are out of range. The file was deleted.",
            where=f"{path}, films {start} to {start + len(chunk) - 1}",
            expected="0 to 255",
            got=f"{low:g} to {high:g}",
            next="run the same command again; if it happens twice, the publisher has changed the file",
        )
    return np.round(chunk[..., 0]).astype(np.uint8)


def _shrunk(film: np.ndarray, size: int) -> np.ndarray:
    from PIL import Image

    if size == len(film):
        return film
    return np.asarray(Image.fromarray(film).resize((size, size), Image.Resampling.BOX))


def _card(half: str, size: int, path: pathlib.Path) -> dict[str, object]:
    entry, file = data_set("pneumothorax")["sources"]["mit"], registry()["files"][FILES[half]]
    return {
        "name": "pneumothorax-mit",
        "source": "mit",
        "size": size,
        "seed": SEED,
        "version": entry["version"],
        "address": file["urls"][0],
        "licence": entry["licence"],
        "citation": entry["citation"],
        "preprocessing": "greys rounded to 8 bits"
        + (f", area-averaged from {PUBLISHED_SIZE} px (Pillow BOX)" if size < PUBLISHED_SIZE else "")
        + "; nothing else",
        "label": "index 1 of the one-hot label: pneumothorax; how it was found is not stated",
        "warning": "The files do not identify patients: each film counts as a patient of its own. Films of one patient "
        "may be in training, validation and test at the same time, so scores may be too good and intervals too narrow.",
        "hashes": f"none published; sha256 as first downloaded here {files.recorded_hash(path)}",
    }
