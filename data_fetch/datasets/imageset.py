"""ImageSet: the return type of every fetch_* function."""

from __future__ import annotations

import pathlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from data_fetch.errors import DataFetchError
from data_fetch.store import cache

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Films with everything known about them; row i of every member is film i.

    Attributes
    ----------
    names : (N,) array of str
        The source's own file names.
    images : (N, H, W) uint8, read-only
        Grey values 0-255, bone white. Memory-mapped from the cache: pixels are read on first use, and all processes
        of a machine share the same pages.
    labels : (N,) int64
        Index into `classes`.
    classes : tuple of str
    patients : (N,) array
        Films of one patient share a value; split by patient.
    masks : mapping of str -> (N, H, W) bool, read-only, or None
        Exact outlines if the ground truth is known (phantoms).
    boxes : DataFrame or None
        One row per box, columns ``film`` (row in this set), ``finding``, ``x``, ``y``, ``width``, ``height`` in
        pixels of `images`; x and y are the upper left corner.
    attributes : DataFrame
        One row per film: view, sex, age and whatever else the source records.
    card : mapping
        Source, licence, citation, counts, preprocessing, seed, version.
    """

    names: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    patients: np.ndarray
    masks: Mapping[str, np.ndarray] | None
    boxes: pandas.DataFrame | None
    attributes: pandas.DataFrame
    card: Mapping[str, Any]

    def __post_init__(self) -> None:
        members: dict[str, Any] = {"images": self.images, "labels": self.labels, "patients": self.patients}
        members |= {"attributes": self.attributes, **{f"masks[{k}]": v for k, v in (self.masks or {}).items()}}
        for member, value in members.items():
            if len(value) != len(self.names):
                raise DataFetchError(
                    f"An ImageSet needs one row per film: {member} has {len(value)} rows for {len(self.names)} films."
                )

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        counts = ", ".join(f"{int((self.labels == i).sum())} {name}" for i, name in enumerate(self.classes))
        n_patients = len(np.unique(self.patients))
        known = [f"masks {'/'.join(self.masks)}"] if self.masks else []
        known += [f"{len(self.boxes)} boxes"] if self.boxes is not None else []
        size = "x".join(str(side) for side in self.images.shape[1:])
        return f"ImageSet({len(self)} films {size}: {counts}; {n_patients} patients{''.join('; ' + k for k in known)})"

    def subset(self, rows: slice | Sequence[int] | np.ndarray) -> ImageSet:
        """Some of the films, in the requested order.

        Parameters
        ----------
        rows : slice, sequence of int, or (N,) bool array
            A slice gives a view of the memory-mapped file; anything else copies the chosen films.

        Returns
        -------
        ImageSet
            Boxes follow their films; the card is the same, and its ``subset_of`` states how many films it describes.

        Raises
        ------
        IndexError
            If a row does not exist.
        """
        if not isinstance(rows, slice):
            rows = np.asarray(rows)
            if rows.size == 0:
                rows = rows.astype(np.int64)
        kept = np.arange(len(self))[rows]

        def take(array: np.ndarray) -> np.ndarray:
            part = array[rows]
            part.flags.writeable = False
            return part

        boxes = self.boxes
        if boxes is not None:
            # A film may be selected twice (bootstrap samples), and then its boxes appear twice.
            place = boxes["film"].to_numpy()
            copies = [boxes[place == row].assign(film=new) for new, row in enumerate(kept) if (place == row).any()]
            boxes = _concatenate(copies, boxes)
        return replace(
            self,
            names=take(self.names),
            images=take(self.images),
            labels=take(self.labels),
            patients=take(self.patients),
            masks=None if self.masks is None else MappingProxyType({k: take(v) for k, v in self.masks.items()}),
            boxes=boxes,
            attributes=self.attributes.iloc[kept].reset_index(drop=True),
            card=MappingProxyType({**self.card, "subset_of": self.card.get("subset_of", len(self))}),
        )


def _concatenate(parts: list[pandas.DataFrame], like: pandas.DataFrame) -> pandas.DataFrame:
    import pandas

    return pandas.concat(parts, ignore_index=True) if parts else like.iloc[:0].reset_index(drop=True)


def read_stored_set(folder: pathlib.Path, classes: tuple[str, ...]) -> ImageSet:
    """Open a stored set: a folder with images.npy, masks/NAME.npy, table.csv, boxes.csv (optional) and card.toml.

    Arrays are memory-mapped read-only. `table.csv` starts with the columns name, label and patient; the others are
    the attributes.

    Raises
    ------
    DataFetchError
        If a file is missing or has a different layout, or the files do not match.
    """
    try:
        return _read(folder, classes)
    except (OSError, ValueError, KeyError, OverflowError, DataFetchError) as reason:
        raise DataFetchError(
            "A stored set cannot be used: " + (reason.what if isinstance(reason, DataFetchError) else f"{reason}"),
            where=folder,
            expected="images.npy, table.csv (name, label, patient, ...), card.toml, and matching masks and boxes",
            next=cache.again(folder),
        ) from None


def _read(folder: pathlib.Path, classes: tuple[str, ...]) -> ImageSet:
    import pandas

    # Only an empty cell means "unknown": a marker that reads "NA" or "None" is text.
    table = pandas.read_csv(
        folder / "table.csv", dtype={"name": str}, keep_default_na=False, na_values=[""], encoding="utf-8"
    )
    if missing := [column for column in ("name", "label", "patient") if column not in table]:
        raise ValueError(f"table.csv has no column {' and no '.join(missing)}")
    for column in ("name", "label", "patient"):
        if table[column].isna().any():
            raise ValueError(f"table.csv has a row without {column}")
    if not table["name"].is_unique:
        raise ValueError(f"table.csv names {table['name'][table['name'].duplicated()].iloc[0]!r} twice")
    if not pandas.api.types.is_integer_dtype(table["label"]) or not table["label"].between(0, len(classes) - 1).all():
        raise ValueError(f"table.csv has a label that is not a whole number from 0 to {len(classes) - 1}")
    names = table["name"].to_numpy(dtype=str)
    labels = table["label"].to_numpy(dtype=np.int64)
    patients = table["patient"].to_numpy()
    if patients.dtype == object:
        patients = patients.astype(str)
    for array in (names, labels, patients):
        array.flags.writeable = False
    images = _mapped(folder / "images.npy", np.uint8, None)
    masks = {path.stem: _mapped(path, bool, images.shape) for path in sorted((folder / "masks").glob("*.npy"))}
    return ImageSet(
        names=names,
        images=images,
        labels=labels,
        classes=classes,
        patients=patients,
        masks=MappingProxyType(masks) if masks else None,
        boxes=_boxes(folder / "boxes.csv", len(names)),
        attributes=table.drop(columns=["name", "label", "patient"]),
        card=MappingProxyType(tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))),
    )


def _mapped(path: pathlib.Path, dtype: type, shape: tuple[int, ...] | None) -> np.memmap:
    array = np.load(path, mmap_mode="r")
    if array.dtype != dtype or array.ndim != 3 or shape not in (None, array.shape):
        wanted = f"{np.dtype(dtype)} {shape or '(N, H, W)'}"
        raise ValueError(f"{path.name} is {array.dtype} {array.shape} instead of {wanted}")
    return array


def _boxes(path: pathlib.Path, films: int) -> pandas.DataFrame | None:
    import pandas

    if not path.is_file():
        return None
    boxes = pandas.read_csv(path)
    if missing := [name for name in ("film", "finding", "x", "y", "width", "height") if name not in boxes]:
        raise ValueError(f"boxes.csv has no column {' and no '.join(missing)}")
    numbers = boxes[["film", "x", "y", "width", "height"]].apply(pandas.to_numeric)
    if len(boxes) and (numbers.isna().any(axis=None) or not numbers["film"].isin(range(films)).all()):
        raise ValueError("boxes.csv has a box that is on no film or lacks numbers")
    return boxes
