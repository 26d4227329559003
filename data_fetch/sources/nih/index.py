"""The index of NIH ChestX-ray14: metadata of all 112,120 films, without a download.

Wang et al., ChestX-ray8, CVPR 2017. Made by :mod:`data_fetch.sources.nih.make_index`, which has the full notice.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_fetch.store.registry import registry

if TYPE_CHECKING:
    import pandas

# Boxes were drawn on the published films, which are all 1024 x 1024 pixels.
PUBLISHED_SIZE = 1024
_NAME = re.compile(r"(\d{8})_(\d{3})\.png")


@dataclass(frozen=True, eq=False)
class NihIndex:
    """Columns over all films, sorted by name; row i of every array is film i.

    Attributes
    ----------
    patient, number : (112120,) int
        The film is ``PATIENT_NUMBER.png``, as in 00000001_002.png.
    findings : (112120,) index into `findings_names`
        Findings mined from the report, joined by "|", or "No Finding".
    follow_up : (112120,) int
        The official follow-up number; in the 2020 table it is not always the number in the film's name.
    age : (112120,) int, years
    male, ap : (112120,) bool
    width, height : (112120,) int
        Size of the original film in pixels, before it was published at 1024 x 1024.
    spacing : (112120,) float
        Millimetres between the pixels of the *original* film.
    box_film : (984,) row; box_finding : (984,) str; box_xywh : (984, 4) float
        Radiologist's boxes in pixels of the published film; (x, y) is the upper left corner.
    """

    patient: np.ndarray
    number: np.ndarray
    findings: np.ndarray
    findings_names: np.ndarray
    follow_up: np.ndarray
    age: np.ndarray
    male: np.ndarray
    ap: np.ndarray
    width: np.ndarray
    height: np.ndarray
    spacing: np.ndarray
    box_film: np.ndarray
    box_finding: np.ndarray
    box_xywh: np.ndarray
    notice: str

    def __len__(self) -> int:
        return len(self.patient)

    @functools.cached_property
    def key(self) -> np.ndarray:
        """(112120,) int64, ascending: patient and number combined."""
        return self.patient.astype(np.int64) * 1000 + self.number

    def names(self, rows: np.ndarray) -> list[str]:
        """Official file names of films, such as "00000001_000.png", by their rows."""
        return [f"{self.patient[row]:08d}_{self.number[row]:03d}.png" for row in rows]

    def rows(self, names: Iterable[str]) -> np.ndarray:
        """(N,) row of each film, -1 if the index has no film of that name."""
        keys = np.array([_key(name) for name in names], dtype=np.int64)
        places = np.minimum(np.searchsorted(self.key, keys), len(self) - 1)
        return np.where(self.key[places] == keys, places, -1)

    def has(self, finding: str) -> np.ndarray:
        """(112120,) bool: the films whose report names the finding ("No Finding" counts as one)."""
        return np.array([finding in names.split("|") for names in self.findings_names])[self.findings]

    def archives(self, rows: np.ndarray) -> np.ndarray:
        """(N,) name of the official archive that holds each film: archives are split in the order of the names."""
        table = registry()["archives"]["nih"]
        last = np.array([_key(entry["last"]) for entry in table.values()])
        return np.array(list(table))[np.searchsorted(last, self.key[rows])]

    def attributes(self, rows: np.ndarray, size: int) -> pandas.DataFrame:
        """View, sex, age, follow-up, findings, archive and spacing of films shown at `size` x `size` pixels.

        ``spacing_mm`` is the width of a pixel at that size. Films whose original was not square were squeezed when
        they were published, and then a pixel's height differs: ``spacing_y_mm``.
        """
        import pandas

        return pandas.DataFrame(
            {
                "view": np.where(self.ap[rows], "AP", "PA"),
                "sex": np.where(self.male[rows], "M", "F"),
                "age": self.age[rows].astype(int),
                "follow_up": self.follow_up[rows].astype(int),
                "findings": self.findings_names[self.findings[rows]],
                "archive": self.archives(rows),
                "spacing_mm": np.round(self.spacing[rows] * self.width[rows] / size, 6),
                "spacing_y_mm": np.round(self.spacing[rows] * self.height[rows] / size, 6),
            }
        )

    def boxes(self, rows: np.ndarray, size: int) -> pandas.DataFrame:
        """The boxes on the given films: film (place in `rows`), finding, x, y, width, height in pixels at `size`."""
        import pandas

        place = {int(row): film for film, row in enumerate(rows)}
        here = [box for box, row in enumerate(self.box_film) if int(row) in place]
        films = [place[int(self.box_film[box])] for box in here]
        table = pandas.DataFrame(self.box_xywh[here] * size / PUBLISHED_SIZE, columns=["x", "y", "width", "height"])
        table.insert(0, "finding", self.box_finding[here])
        table.insert(0, "film", np.array(films, dtype=int))
        return table.sort_values(["film", "finding"], kind="stable", ignore_index=True)


def _key(name: str) -> int:
    match = _NAME.fullmatch(name)
    return int(match[1]) * 1000 + int(match[2]) if match else -1


@functools.cache
def nih_index() -> NihIndex:
    """Read the index (about 20 ms, once per process)."""
    with (
        importlib.resources.files("data_fetch.sources.nih").joinpath("nih_index.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        count = len(stored["patient"])
        return NihIndex(
            **{name: stored[name] for name in ("patient", "number", "findings", "findings_names", "follow_up", "age")},
            **{name: stored[name] for name in ("width", "height", "box_film", "box_xywh")},
            male=np.unpackbits(stored["male"], count=count).astype(bool),
            ap=np.unpackbits(stored["ap"], count=count).astype(bool),
            spacing=stored["spacing_mm"][stored["spacing"]],
            box_finding=stored["box_findings_names"][stored["box_finding"]],
            notice=str(stored["notice"]),
        )
