"""The cardiomegaly set: frontal chest phantoms, enlarged hearts against normal ones.

The label is a *true* cardiothoracic ratio (CTR) above 0.5: heart width over inner thoracic width as a PA film at full
inspiration would show it. What a film shows may differ: AP projection and poor inspiration make hearts look larger, and a
wide mediastinum looks like a large heart at a careless glance. The CTR read off one film is therefore a good baseline for
a network, but not a perfect one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import writing
from .anatomy import sample_exposure, sample_patient
from .film import render

SEED = 20191
VERSION = "1"
CLASSES = ("normal", "cardiomegaly")
FOLDS = 10
BASELINES = Path(__file__).with_name("trivial_baselines_cardiomegaly.toml")  # measured by trivial_baselines.py

# How hard the set is. True CTR of normal patients: normal distribution (mean, sd) clipped to the range; of patients with
# an enlarged heart: 0.503 + |normal(0, sd)|. Share of AP films. Easier: a lower mean, a larger spread above 0.5.
NORMAL_CTR, NORMAL_RANGE = (0.456, 0.025), (0.36, 0.497)
ENLARGED_SPREAD, ENLARGED_RANGE = 0.043, (0.503, 0.68)
AP_SHARE = 0.35


@dataclass(frozen=True)
class Split:
    """Number of films of each class, and the first patient's number (ranges never overlap)."""

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
class Entry(writing.Entry):
    """A film of this set, and its fold if the split has any."""

    fold: int = -1


def _deal(counts: list[int], folds: int) -> list[int]:
    """Assign patients to folds of equal numbers of films: the largest patient first, to the emptiest fold."""
    load, fold = [0] * folds, [0] * len(counts)
    for patient in sorted(range(len(counts)), key=lambda k: -counts[k]):
        fold[patient] = min(range(folds), key=lambda f: load[f])
        load[fold[patient]] += counts[patient]
    return fold


def _true_ctr(rng: np.random.Generator, label: int) -> float:
    if label:
        return float(np.clip(ENLARGED_RANGE[0] + abs(rng.normal(0, ENLARGED_SPREAD)), *ENLARGED_RANGE))
    return float(np.clip(rng.normal(*NORMAL_CTR), *NORMAL_RANGE))


def entries_of(split: str) -> list[Entry]:
    """All films of a split in order, before they are drawn; depends only on the seed.

    "develop" is ordered by fold; within a fold, and in the other splits, the order is random.
    """
    writing.check_split(SET, split)
    what = SPLITS[split]
    rng = np.random.default_rng([SEED, what.stream])
    cases: list[tuple[int, int, int]] = []  # label, films, fold
    for label, films in enumerate((what.normal, what.enlarged)):
        counts = writing.films_per_patient(rng, films)
        folds = _deal(counts, what.folds) if what.folds else [-1] * len(counts)
        cases += [(label, count, fold) for count, fold in zip(counts, folds, strict=True)]
    numbers = what.first_patient + rng.permutation(len(cases))  # so that the number does not reveal the label
    entries = []
    for (label, count, fold), number in zip(cases, numbers.tolist(), strict=True):
        own = np.random.default_rng([SEED, number])
        patient = sample_patient(own, number, _true_ctr(own, label))
        entries += [Entry(patient, sample_exposure(own, AP_SHARE), k, label, fold) for k in range(count)]
    order = rng.permutation(len(entries))
    return sorted((entries[k] for k in order), key=lambda entry: entry.fold)


def _draw(entry: Entry, size: int) -> writing.Drawn:
    film = render(entry.patient, entry.exposure, size)
    return writing.Drawn(film.image, {"heart": film.heart, "lungs": film.lungs}, {"ctr_seen": film.ctr_seen})


def _row(entry: Entry, numbers: Mapping[str, float]) -> dict[str, Any]:
    p, e = entry.patient, entry.exposure
    row = {
        "name": entry.name,
        "label": entry.label,
        "patient": p.number,
        "view": e.view,
        "sex": p.sex,
        "age": p.age,
        "inspiration": f"{e.inspiration:.4f}",
        "wide_mediastinum": p.wide_mediastinum,
        "ctr": f"{p.ctr:.5f}",
        "ctr_seen": f"{numbers['ctr_seen']:.5f}",
        "marker": e.marker,
    }
    return row | ({"fold": entry.fold} if entry.fold >= 0 else {})


def _card(split: str, size: int, entries: list[Entry], rows: list[dict[str, Any]]) -> dict[str, Any]:
    positives = sum(entry.label for entry in entries)
    own = {
        "label": "true cardiothoracic ratio above 0.5 (PA, full inspiration), whatever the film shows",
        "counts": {
            "films": len(entries),
            "normal": len(entries) - positives,
            "cardiomegaly": positives,
            "patients": len({entry.patient.number for entry in entries}),
        },
        "difficulty": {
            "normal_ctr_mean": NORMAL_CTR[0],
            "normal_ctr_sd": NORMAL_CTR[1],
            "enlarged_ctr_spread": ENLARGED_SPREAD,
            "ap_share": AP_SHARE,
        },
    }
    return writing.card(SET.name, split, size, SEED, VERSION, BASELINES, own)


SET = writing.PhantomSet(
    "cardiomegaly", tuple(SPLITS), ("heart", "lungs"), ("ctr_seen",), entries_of, _draw, _row, _card
)
