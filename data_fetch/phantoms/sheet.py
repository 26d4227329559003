"""A sheet of films with captions, for the documentation and for looking: `python -m data_fetch.phantoms.sheet OUT.png`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from .cardiomegaly import Entry, plan
from .film import render

SIZE, COLUMNS, CAPTION = 192, 6, 16
# 62 greys are enough for the eye and halve the bytes; two more places in the palette hold the outlines' colours.
GREYS, LUNGS, HEART = 62, 62, 63
PALETTE = [c for k in range(GREYS) for c in [round(k * 255 / (GREYS - 1))] * 3] + [86, 180, 233, 255, 176, 0]


def tile(entry: Entry, outlines: bool) -> Image.Image:
    """One film with its caption, indices into PALETTE; `outlines` draws the borders of the heart and the lungs."""
    film = render(entry.patient, entry.exposure, SIZE)
    picture = np.round(film.image * ((GREYS - 1) / 255)).astype(np.uint8)
    if outlines:
        for mask, colour in ((film.lungs, LUNGS), (film.heart, HEART)):
            picture[mask ^ ndimage.binary_erosion(mask)] = colour
    image = Image.new("L", (SIZE, SIZE + CAPTION), GREYS - 1)
    image.paste(Image.fromarray(picture))
    wide = ", wide m." if entry.patient.wide_mediastinum else ""
    text = f"{entry.exposure.view}  true {entry.patient.ctr:.2f}  seen {film.ctr_seen:.2f}{wide}"
    ImageDraw.Draw(image).text((4, SIZE + 2), text, fill=0, font=ImageFont.load_default(size=11))
    return image


def choose(entries: list[Entry]) -> list[list[Entry]]:
    """Rows of the sheet: normal hearts, enlarged hearts, normal hearts made to look large, one patient's films."""

    def some(test) -> list[Entry]:
        found: dict[int, Entry] = {}
        for entry in entries:
            if test(entry):
                found.setdefault(entry.patient.number, entry)
        return list(found.values())[:COLUMNS]

    many = next(e.patient.number for e in entries if e.film == 4)
    same = sorted((e for e in entries if e.patient.number == many), key=lambda e: e.film)
    return [
        some(lambda e: not e.label and e.exposure.view == "PA"),
        some(lambda e: e.label),
        some(lambda e: not e.label and (e.exposure.view == "AP" or e.patient.wide_mediastinum)),
        same[:COLUMNS],
    ]


def main() -> None:
    """Write the sheet to the path given on the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m data_fetch.phantoms.sheet OUT.png")
    rows = choose(plan("test"))
    sheet = Image.new("L", (COLUMNS * SIZE, len(rows) * (SIZE + CAPTION)), GREYS - 1)
    for i, row in enumerate(rows):
        for j, entry in enumerate(row):
            sheet.paste(tile(entry, outlines=j == COLUMNS - 1), (j * SIZE, i * (SIZE + CAPTION)))
    sheet.putpalette(PALETTE)
    sheet.save(Path(sys.argv[1]), optimize=True)


if __name__ == "__main__":
    main()
