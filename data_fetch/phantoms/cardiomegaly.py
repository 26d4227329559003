"""The cardiomegaly set: frontal chest phantoms, enlarged hearts against normal ones.

The label is the *true* cardiothoracic ratio (CTR) above 0.5: heart width over inner thoracic width as a PA film at full
inspiration would show it. What a film shows is another matter: AP projection and poor inspiration make hearts look
larger, and a wide mediastinum looks like a large heart to a careless eye. Read off one film, the CTR is therefore a
good rival of a network and not a perfect one.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .anatomy import Exposure, Patient, sample_exposure, sample_patient
from .film import render
from .pool import PhantomError, cores, run_workers

SEED = 20191
VERSION = "1"
CLASSES = ("normal", "cardiomegaly")
FOLDS = 10
RIVALS = Path(__file__).with_name("rivals.toml")  # measured by rivals.py

# How hard the set is. True CTR of normal patients: normal distribution (mean, sd) cut to the range; of patients with an
# enlarged heart: 0.503 + |normal(0, sd)|. Share of AP films. Easier: a lower mean, a larger spread above 0.5.
NORMAL_CTR, NORMAL_RANGE = (0.456, 0.025), (0.36, 0.497)
ENLARGED_SPREAD, ENLARGED_RANGE = 0.043, (0.503, 0.68)
AP_SHARE = 0.35


@dataclass(frozen=True)
class Split:
    """How many films of each class, and the first patient's number (ranges never overlap)."""

    normal: int
    enlarged: int
    first_patient: int
    stream: int
    folds: int = 0


SPLITS = {
    "develop": Split(352, 48, 10_001, 1, FOLDS),
    "test": Split(200, 100, 20_001, 2),
    "pretrain": Split(600, 400, 30_001, 3),
}


@dataclass(frozen=True)
class Entry:
    """One row of the set: a film, before it is drawn."""

    patient: Patient
    exposure: Exposure
    film: int
    label: int
    fold: int = -1

    @property
    def name(self) -> str:
        """File name in the source's manner: patient, number of the film."""
        return f"{self.patient.number:08d}_{self.film:03d}.png"


def _films_per_patient(rng: np.random.Generator, films: int) -> list[int]:
    """Split `films` into patients with 1 to 5 films each; most have one or two."""
    counts: list[int] = []
    while (left := films - sum(counts)) > 0:
        counts.append(min(left, int(rng.choice([1, 2, 3, 4, 5], p=[0.40, 0.25, 0.15, 0.12, 0.08]))))
    return counts


def _deal(counts: list[int], folds: int) -> list[int]:
    """Give each patient a fold so that the folds get equally many films: the largest first, to the emptiest fold."""
    load, fold = [0] * folds, [0] * len(counts)
    for patient in sorted(range(len(counts)), key=lambda k: -counts[k]):
        fold[patient] = min(range(folds), key=lambda f: load[f])
        load[fold[patient]] += counts[patient]
    return fold


def _true_ctr(rng: np.random.Generator, label: int) -> float:
    if label:
        return float(np.clip(ENLARGED_RANGE[0] + abs(rng.normal(0, ENLARGED_SPREAD)), *ENLARGED_RANGE))
    return float(np.clip(rng.normal(*NORMAL_CTR), *NORMAL_RANGE))


def plan(split: str) -> list[Entry]:
    """All films of a split in their order, before they are drawn; depends on the seed alone.

    Develop is ordered by fold; within a fold, and in the other splits, the order is random.
    """
    if split not in SPLITS:
        raise PhantomError(
            "The cardiomegaly phantoms have no such split.", expected=" or ".join(SPLITS), got=repr(split)
        )
    what = SPLITS[split]
    rng = np.random.default_rng([SEED, what.stream])
    cases: list[tuple[int, int, int]] = []  # label, films, fold
    for label, films in enumerate((what.normal, what.enlarged)):
        counts = _films_per_patient(rng, films)
        folds = _deal(counts, what.folds) if what.folds else [-1] * len(counts)
        cases += [(label, count, fold) for count, fold in zip(counts, folds, strict=True)]
    numbers = what.first_patient + rng.permutation(len(cases))  # so that a number does not tell the label
    entries = []
    for (label, count, fold), number in zip(cases, numbers.tolist(), strict=True):
        own = np.random.default_rng([SEED, number])
        patient = sample_patient(own, number, _true_ctr(own, label))
        entries += [Entry(patient, sample_exposure(own, AP_SHARE), k, label, fold) for k in range(count)]
    order = rng.permutation(len(entries))
    return sorted((entries[k] for k in order), key=lambda entry: entry.fold)


def _seen_file(folder: Path) -> Path:
    return folder / "ctr_seen.part.npy"


def draw_rows(split: str, size: int, folder: Path, part: int, parts: int) -> Iterator[int]:
    """Draw rows part, part + parts, ... into the arrays that `write` laid out; yields each row once it is there."""
    open_array = np.lib.format.open_memmap
    images = open_array(folder / "images.npy", mode="r+")
    heart, lungs = (open_array(folder / "masks" / f"{name}.npy", mode="r+") for name in ("heart", "lungs"))
    seen = open_array(_seen_file(folder), mode="r+")
    for row, entry in enumerate(plan(split)):
        if row % parts == part:
            film = render(entry.patient, entry.exposure, size)
            images[row], heart[row], lungs[row], seen[row] = film.image, film.heart, film.lungs, film.ctr_seen
            yield row


def _card(split: str, size: int, entries: list[Entry]) -> str:
    positives = sum(entry.label for entry in entries)
    patients = len({entry.patient.number for entry in entries})
    return f'''name = "cardiomegaly-phantom"
source = "phantom"
split = "{split}"
size = {size}
seed = {SEED}
version = "{VERSION}"
licence = "CC-BY-4.0"
citation = "Chest phantoms of the medxai course, drawn by data_fetch.phantoms"
preprocessing = "none: 8-bit films as drawn, dense tissue bright"
label = "true cardiothoracic ratio above 0.5 (PA, full inspiration), whatever the film shows"

[counts]
films = {len(entries)}
normal = {len(entries) - positives}
cardiomegaly = {positives}
patients = {patients}

[difficulty]
normal_ctr_mean = {NORMAL_CTR[0]}
normal_ctr_sd = {NORMAL_CTR[1]}
enlarged_ctr_spread = {ENLARGED_SPREAD}
ap_share = {AP_SHARE}

{RIVALS.read_text(encoding="utf-8") if RIVALS.exists() else ""}'''


def _write_table(path: Path, entries: list[Entry], seen: np.ndarray, with_fold: bool) -> None:
    columns = [
        "name",
        "label",
        "patient",
        "view",
        "sex",
        "age",
        "inspiration",
        "wide_mediastinum",
        "ctr",
        "ctr_seen",
        "marker",
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns + ["fold"] * with_fold)
        for entry, apparent in zip(entries, seen.tolist(), strict=True):
            p, e = entry.patient, entry.exposure
            row = [
                entry.name,
                entry.label,
                p.number,
                e.view,
                p.sex,
                p.age,
                f"{e.inspiration:.4f}",
                p.wide_mediastinum,
                f"{p.ctr:.5f}",
                f"{apparent:.5f}",
                e.marker,
            ]
            table.writerow(row + [entry.fold] * with_fold)


def write(split: str, size: int, folder: Path, progress: bool = True, workers: int | None = None) -> None:
    """Draw a split of the set into an existing, empty folder.

    Writes images.npy (uint8 (N, size, size)), masks/heart.npy and masks/lungs.npy (bool, the same shape), table.csv
    (a row a film) and card.toml. Drawn by `workers` child processes (default: one for each core); the result does not
    depend on how many. On an error or Ctrl-C the folder is empty again.

    Parameters
    ----------
    split : "develop" (400 films in 10 folds), "test" (300) or "pretrain" (1000); no patient is in two of them.
    size : pixels along a side, 64 to 1024.
    folder : existing folder without files.
    progress : show a progress bar on standard error.

    Raises
    ------
    PhantomError : an unknown split, an impossible size, a folder that is not empty, a worker that ended early.
    """
    folder = Path(folder)
    entries = plan(split)
    if not isinstance(size, int | np.integer) or not 64 <= size <= 1024:
        raise PhantomError(
            "Phantom films cannot have this size.", expected="64 to 1024 pixels, a whole number", got=repr(size)
        )
    if not folder.is_dir() or any(folder.iterdir()):
        raise PhantomError("Phantom films are drawn into an existing, empty folder.", where=folder)
    count = len(entries)
    workers = max(1, min(workers or cores(), math.ceil(count / 8)))
    try:
        (folder / "masks").mkdir()
        open_array = np.lib.format.open_memmap
        open_array(folder / "images.npy", mode="w+", dtype=np.uint8, shape=(count, size, size))
        for name in ("heart", "lungs"):
            open_array(folder / "masks" / f"{name}.npy", mode="w+", dtype=bool, shape=(count, size, size))
        open_array(_seen_file(folder), mode="w+", dtype=np.float64, shape=(count,))
        arguments = ["--split", split, "--size", str(size), "--folder", str(folder)]
        with _bar(progress, f"Drawing {count} phantom films ({split}, {size} px)", count) as advance:
            run_workers(arguments, count, workers, advance)
        seen = np.load(_seen_file(folder))
        _write_table(folder / "table.csv", entries, seen, with_fold=bool(SPLITS[split].folds))
        (folder / "card.toml").write_text(_card(split, size, entries), encoding="utf-8")
        _seen_file(folder).unlink()
    except BaseException:
        _empty(folder)
        raise


def _empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


def _bar(progress: bool, title: str, total: int):
    """Context that gives a function to call after each film."""
    if not progress:
        return nullcontext(lambda: None)
    return _RichBar(title, total)


class _RichBar:
    def __init__(self, title: str, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=False,
        )
        self._task = self._progress.add_task(title, total=total)

    def __enter__(self):
        self._progress.start()
        return lambda: self._progress.advance(self._task)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
