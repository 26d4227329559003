"""The pneumothorax set: frontal chest phantoms with gas next to a lung, against films without.

Positives range from a sliver at the apex to a lung that has shrunk to the hilum, on either side. Nearly half of them carry
a chest drain, as treated patients do; so do some negatives, whose lung has re-expanded or who were drained of fluid. A
drain is therefore a good predictor but not the finding: a hidden stratum. Some films, mostly negatives, show a fold of
skin, whose edge looks like a pleural line with vessels continuing beyond it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from . import collapse, devices, writing
from .anatomy import sample_exposure, sample_patient
from .film import Additions, render

SEED = 20192
VERSION = "1"
CLASSES = ("no pneumothorax", "pneumothorax")
BASELINES = Path(__file__).with_name("trivial_baselines_pneumothorax.toml")  # measured by trivial_baselines.py
MASKS = ("pneumothorax", "drain", "fold", "lungs", "heart")

# How hard the set is. Collapse of the lung at a patient's first film: LEAST + SPREAD * beta(*SHAPE); easier: a higher
# LEAST. Shares of (negative, positive) patients with a drain, and films with a fold of skin.
LEAST, SPREAD, SHAPE = 0.05, 0.55, (0.9, 1.7)
DRAIN_SHARE, FOLD_SHARE, AP_SHARE = (0.10, 0.45), (0.20, 0.05), 0.35


@dataclass(frozen=True)
class Split:
    """Number of films of each class, and the first patient's number (ranges never overlap)."""

    negative: int
    positive: int
    first_patient: int
    stream: int


SPLITS = {
    "train": Split(500, 500, 40_001, 1),
    "validation": Split(100, 100, 50_001, 2),
    "test": Split(150, 150, 60_001, 3),
}


@dataclass(frozen=True)
class Entry(writing.Entry):
    """A film of this set, and the additions drawn onto it."""

    additions: Additions


def _films_of(number: int, label: int, count: int) -> list[Entry]:
    """All films of one patient: one side, one finding that varies from film to film, a drain on all or none."""
    rng = np.random.default_rng([SEED, number])
    patient = sample_patient(rng, number, float(np.clip(rng.normal(0.455, 0.03), 0.36, 0.56)))
    side = int(rng.choice([-1, 1]))
    first = LEAST + SPREAD * float(rng.beta(*SHAPE))
    drain = devices.sample_drain(rng, side)
    drained = rng.random() < DRAIN_SHARE[label]
    entries = []
    for film in range(count):
        exposure = sample_exposure(rng, AP_SHARE)
        size = float(np.clip(first * (1 + 0.25 * rng.uniform(-1, 1)), LEAST, 0.6))
        gas = collapse.sample(rng, side, size)
        fold = devices.sample_fold(rng, int(rng.choice([-1, 1])))
        folded = rng.random() < FOLD_SHARE[label]
        shown = Additions(gas if label else None, drain if drained else None, fold if folded else None)
        entries.append(Entry(patient, exposure, film, label, shown))
    return entries


def entries_of(split: str) -> list[Entry]:
    """All films of a split in (random) order, before they are drawn; depends only on the seed."""
    writing.check_split(SET, split)
    what = SPLITS[split]
    rng = np.random.default_rng([SEED, what.stream])
    cases = [
        (label, count)
        for label, films in enumerate((what.negative, what.positive))
        for count in writing.films_per_patient(rng, films)
    ]
    numbers = what.first_patient + rng.permutation(len(cases))  # so that the number does not reveal the label
    entries = [
        entry
        for (label, count), number in zip(cases, numbers.tolist(), strict=True)
        for entry in _films_of(number, label, count)
    ]
    return [entries[k] for k in rng.permutation(len(entries))]


def _draw(entry: Entry, size: int) -> writing.Drawn:
    film = render(entry.patient, entry.exposure, size, entry.additions)
    return writing.Drawn(film.image, {name: getattr(film, name) for name in MASKS}, {"severity": film.severity})


def _row(entry: Entry, numbers: Mapping[str, float]) -> dict[str, Any]:
    p, e, shown = entry.patient, entry.exposure, entry.additions
    gas = shown.pneumothorax
    return {
        "name": entry.name,
        "label": entry.label,
        "patient": p.number,
        "view": e.view,
        "sex": p.sex,
        "age": p.age,
        "inspiration": f"{e.inspiration:.4f}",
        "severity": f"{numbers['severity']:.5f}",
        "side": "" if gas is None else "R" if gas.side < 0 else "L",
        "drain": shown.drain is not None,
        "fold": shown.fold is not None,
        "marker": e.marker,
    }


def _card(split: str, size: int, entries: list[Entry], rows: list[dict[str, Any]]) -> dict[str, Any]:
    def count(label: int, device: str | None = None) -> int:
        return sum(row["label"] == label and (device is None or row[device]) for row in rows)

    own = {
        "label": "gas between chest wall and lung, however little",
        "counts": {
            "films": len(rows),
            "no pneumothorax": count(0),
            "pneumothorax": count(1),
            "patients": len({entry.patient.number for entry in entries}),
        },
        "strata": {
            "negatives_with_drain": count(0, "drain"),
            "positives_with_drain": count(1, "drain"),
            "negatives_with_fold": count(0, "fold"),
            "positives_with_fold": count(1, "fold"),
        },
        "difficulty": {"least_collapse": LEAST, "spread": SPREAD, "shape": list(SHAPE), "ap_share": AP_SHARE},
    }
    return writing.card(SET.name, split, size, SEED, VERSION, BASELINES, own)


SET = writing.PhantomSet("pneumothorax", tuple(SPLITS), MASKS, ("severity",), entries_of, _draw, _row, _card)


def redrawn(split: str, rows: Sequence[int], size: int, drain: bool) -> np.ndarray:
    """Redraw films of a split, uint8 (N, size, size), with or without a chest drain and otherwise unchanged.

    Shows what a film would look like without its drain (`drain=False`) or with one (`drain=True`; on the side of the gas,
    or on either side if there is none). Films that already match are returned unchanged.
    """
    entries, films = entries_of(split), []
    for row in rows:
        entry = entries[int(row)]
        shown = entry.additions
        if not drain:
            shown = replace(shown, drain=None)
        elif shown.drain is None:
            rng = np.random.default_rng([SEED, entry.patient.number, 7])
            side = int(rng.choice([-1, 1])) if shown.pneumothorax is None else shown.pneumothorax.side
            shown = replace(shown, drain=devices.sample_drain(rng, side))
        films.append(render(entry.patient, entry.exposure, size, shown).image)
    return np.stack(films) if films else np.empty((0, size, size), np.uint8)
