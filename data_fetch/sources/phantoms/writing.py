"""Draw a split of a phantom set into a folder: arrays, table and card, with several processes, completely or not at all."""

from __future__ import annotations

import csv
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_fetch.progress import bar
from data_fetch.store import tomltext
from data_fetch.store.arrays import new_array

from .anatomy import Exposure, Patient
from .pool import PhantomError, cores, run_workers


@dataclass(frozen=True)
class Drawn:
    """One film: uint8 (size, size), with its masks (bool) and measured numbers by name."""

    image: np.ndarray
    masks: Mapping[str, np.ndarray]
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class Entry:
    """One row of a set: a film before it is drawn."""

    patient: Patient
    exposure: Exposure
    film: int
    label: int

    @property
    def name(self) -> str:
        """File name in the style of NIH: patient, number of the film."""
        return f"{self.patient.number:08d}_{self.film:03d}.png"


@dataclass(frozen=True)
class PhantomSet:
    """What `write` needs to know about a set; each set's module defines one, called SET.

    name : of its data set. splits : their names. masks, numbers : names of what `draw` returns for each film.
    entries_of : a split's films in order, before they are drawn. draw : draws one of them at a size. row : its row of the
    table, from its entry and numbers; starts with name, label and patient. card : from split, size, entries, rows.
    """

    name: str
    splits: Sequence[str]
    masks: Sequence[str]
    numbers: Sequence[str]
    entries_of: Callable[[str], list[Any]]
    draw: Callable[[Any, int], Drawn]
    row: Callable[[Any, Mapping[str, float]], dict[str, Any]]
    card: Callable[[str, int, list[Any], list[dict[str, Any]]], dict[str, Any]]


def check_split(what: PhantomSet, split: str) -> None:
    """Raise PhantomError unless the set has this split."""
    if split not in what.splits:
        raise PhantomError(
            f"The {what.name} phantoms have no such split.", expected=" or ".join(what.splits), got=repr(split)
        )


def films_per_patient(rng: np.random.Generator, films: int) -> list[int]:
    """Split `films` into patients with 1 to 5 films each; most have one or two."""
    counts: list[int] = []
    while (left := films - sum(counts)) > 0:
        counts.append(min(left, int(rng.choice([1, 2, 3, 4, 5], p=[0.40, 0.25, 0.15, 0.12, 0.08]))))
    return counts


def card(
    name: str, split: str, size: int, seed: int, version: str, baselines: Path, own: dict[str, Any]
) -> dict[str, Any]:
    """The card of a phantom set: the common part, its `own` part, and its trivial baselines once they are measured."""
    return {
        "name": f"{name}-phantom",
        "source": "phantom",
        "split": split,
        "size": size,
        "seed": seed,
        "version": version,
        "licence": "CC-BY-4.0",
        "citation": "Chest phantoms of the medxai course, drawn by data_fetch.sources.phantoms",
        "preprocessing": "none: 8-bit films as drawn, dense tissue bright",
        **own,
        **(tomllib.loads(baselines.read_text(encoding="utf-8")) if baselines.exists() else {}),
    }


def draw_rows(what: PhantomSet, split: str, size: int, folder: Path, part: int, parts: int) -> Iterator[int]:
    """Draw rows part, part + parts, ... into the arrays that `write` created; yields each row once it is written."""
    open_array = np.lib.format.open_memmap
    images = open_array(folder / "images.npy", mode="r+")
    masks = {name: open_array(folder / "masks" / f"{name}.npy", mode="r+") for name in what.masks}
    numbers = open_array(_numbers_file(folder), mode="r+")
    for row, entry in enumerate(what.entries_of(split)):
        if row % parts == part:
            film = what.draw(entry, size)
            images[row] = film.image
            for name, mask in masks.items():
                mask[row] = film.masks[name]
            numbers[row] = [film.numbers[name] for name in what.numbers]
            yield row


def write(
    what: PhantomSet, split: str, size: int, folder: Path, progress: bool = True, workers: int | None = None
) -> None:
    """Draw a split of a set into an existing, empty folder.

    Writes images.npy (uint8 (N, size, size)), masks/NAME.npy (bool, the same shape), table.csv (one row per film) and
    card.toml. Drawn by `workers` child processes (default: one per core); the result does not depend on their number.
    After an error or Ctrl-C the folder is empty again.

    Raises
    ------
    PhantomError : an unknown split, an invalid size, a folder that is not empty, a worker that ended early.
    """
    folder = Path(folder)
    check_split(what, split)
    entries = what.entries_of(split)
    if not isinstance(size, int | np.integer) or not 64 <= size <= 1024:
        raise PhantomError(
            "Invalid size of phantom films.", expected="64 to 1024 pixels, a whole number", got=repr(size)
        )
    if not folder.is_dir() or any(folder.iterdir()):
        raise PhantomError("Phantom films need an existing, empty folder.", where=folder)
    count = len(entries)
    workers = max(1, min(workers or cores(), math.ceil(count / 8)))
    try:
        (folder / "masks").mkdir()
        new_array(folder / "images.npy", np.uint8, (count, size, size))
        for name in what.masks:
            new_array(folder / "masks" / f"{name}.npy", bool, (count, size, size))
        new_array(_numbers_file(folder), np.float64, (count, len(what.numbers)))
        arguments = ["--set", what.name, "--split", split, "--size", str(size), "--folder", str(folder)]
        with bar(f"Drawing {count} phantom films ({split}, {size} px)", count, progress) as advance:
            run_workers(arguments, count, workers, advance)
        measured = np.load(_numbers_file(folder)).tolist()
        rows = [
            what.row(entry, dict(zip(what.numbers, numbers, strict=True)))
            for entry, numbers in zip(entries, measured, strict=True)
        ]
        _write_table(folder / "table.csv", rows)
        text = tomltext.dumps(what.card(split, size, entries, rows))
        (folder / "card.toml").write_text(text, encoding="utf-8")
        _numbers_file(folder).unlink()
    except BaseException:
        _empty(folder)
        raise


def _numbers_file(folder: Path) -> Path:
    return folder / "numbers.part.npy"


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def _empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
