"""Sheets of films with captions, for the documentation and visual inspection.

`python -m data_fetch.sources.phantoms.sheet OUT.png [cardiomegaly | pneumothorax]`
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from data_fetch import command_line

from . import cardiomegaly, pneumothorax
from .film import Film, render

SIZE, COLUMNS, CAPTION = 192, 6, 16
# 61 greys are enough for the eye and halve the file size; three more palette entries hold the colours of the outlines.
GREYS, BLUE, ORANGE, GREEN = 61, 61, 62, 63
PALETTE = [c for k in range(GREYS) for c in [round(k * 255 / (GREYS - 1))] * 3] + [
    86,
    180,
    233,
    255,
    176,
    0,
    0,
    190,
    120,
]


def tile(film: Film, text: str, outlines: Iterable[tuple[np.ndarray, int]] = ()) -> Image.Image:
    """One film with its caption, as indices into PALETTE; `outlines` are masks to outline, with their colours."""
    picture = np.round(film.image * ((GREYS - 1) / 255)).astype(np.uint8)
    for mask, colour in outlines:
        picture[mask ^ ndimage.binary_erosion(mask)] = colour
    image = Image.new("L", (SIZE, SIZE + CAPTION), GREYS - 1)
    image.paste(Image.fromarray(picture))
    ImageDraw.Draw(image).text((4, SIZE + 2), text, fill=0, font=ImageFont.load_default(size=11))
    return image


def _hearts() -> list[list[Image.Image]]:
    """Normal hearts, enlarged hearts, normal hearts that look large, one patient's films."""
    entries = cardiomegaly.entries_of("test")

    def some(test: Callable[[cardiomegaly.Entry], bool]) -> list[cardiomegaly.Entry]:
        found: dict[int, cardiomegaly.Entry] = {}
        for entry in entries:
            if test(entry):
                found.setdefault(entry.patient.number, entry)
        return list(found.values())[:COLUMNS]

    many = next(e.patient.number for e in entries if e.film == 4)
    same = sorted((e for e in entries if e.patient.number == many), key=lambda e: e.film)
    rows = [
        some(lambda e: not e.label and e.exposure.view == "PA"),
        some(lambda e: bool(e.label)),
        some(lambda e: not e.label and (e.exposure.view == "AP" or e.patient.wide_mediastinum)),
        same[:COLUMNS],
    ]

    def drawn(entry: cardiomegaly.Entry, outlined: bool) -> Image.Image:
        film = render(entry.patient, entry.exposure, SIZE)
        wide = ", wide m." if entry.patient.wide_mediastinum else ""
        text = f"{entry.exposure.view}  true {entry.patient.ctr:.2f}  seen {film.ctr_seen:.2f}{wide}"
        return tile(film, text, [(film.lungs, BLUE), (film.heart, ORANGE)] if outlined else [])

    return [[drawn(entry, j == COLUMNS - 1) for j, entry in enumerate(row)] for row in rows]


def _gas() -> list[list[Image.Image]]:
    """Gas from small to large, with a drain, and folds of skin; each row once without and once with outlines."""
    entries = pneumothorax.entries_of("test")
    bare = [e for e in entries if e.label and not e.additions.drain and not e.additions.fold]
    bare.sort(key=lambda e: e.additions.pneumothorax.collapse if e.additions.pneumothorax else 0)
    rows: list[Sequence[pneumothorax.Entry]] = [
        [bare[k] for k in np.linspace(0, len(bare) - 1, COLUMNS).astype(int)],
        [e for e in entries if e.label and e.additions.drain][:COLUMNS],
        [e for e in entries if not e.label and e.additions.fold][:COLUMNS],
    ]
    tiles = []
    for row in rows:
        films = [render(e.patient, e.exposure, SIZE, e.additions) for e in row]
        texts = [
            f"{e.exposure.view}  severity {film.severity:.2f}" if e.label else f"{e.exposure.view}  fold of skin"
            for e, film in zip(row, films, strict=True)
        ]
        tiles.append([tile(film, text) for film, text in zip(films, texts, strict=True)])
        tiles.append(
            [
                tile(film, text, [(film.pneumothorax, ORANGE), (film.drain, BLUE), (film.fold, GREEN)])
                for film, text in zip(films, texts, strict=True)
            ]
        )
    return tiles


SHEETS = {"cardiomegaly": _hearts, "pneumothorax": _gas}


def main(
    out: Path,
    name: Annotated[
        str, typer.Argument(metavar="[SET]", callback=command_line.one_of(sorted(SHEETS)))
    ] = "cardiomegaly",
    version: command_line.Version = False,
) -> None:
    """Write a contact sheet of a set to OUT."""
    rows = SHEETS[name]()
    sheet = Image.new("L", (COLUMNS * SIZE, len(rows) * (SIZE + CAPTION)), GREYS - 1)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            sheet.paste(image, (j * SIZE, i * (SIZE + CAPTION)))
    sheet.putpalette(PALETTE)
    sheet.save(out, optimize=True)


if __name__ == "__main__":
    raise SystemExit(command_line.single(main, "python -m data_fetch.sources.phantoms.sheet"))
