"""Data cards: a page for each data set, from the registry, and a sheet of phantoms to look at. `data-fetch cards FOLDER`."""

from __future__ import annotations

import pathlib
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from data_fetch.profiles import PROFILES
from data_fetch.store.registry import data_set, registry

if TYPE_CHECKING:
    from PIL import Image

SIZE, COLUMNS, GAP, GREYS = 112, 6, 4, 48
# A page and the docstring of a fetch_* function say the same things in the same order.
FIELDS = ("What", "Counts and units", "Format", "Load with", "Source", "Licence", "Processing")
FORMAT = (
    "A stored set: `images.npy`, uint8 (N, size, size), bone white; `masks/NAME.npy`, bool, and `boxes.csv` where there are "
    "any; `table.csv`, a row a film; `card.toml`; `manifest.toml` with the sha256 of each."
)


def page(name: str) -> str:
    """The data card of a data set, Markdown."""
    entry = data_set(name)
    lines = [
        f"# {name}: {entry['title']}",
        "",
        "Written by `data-fetch cards docs/data` from `data_fetch/store/registry.toml`; do not edit it here. How films are kept and",
        "shared is in [data.md](../data.md), how phantoms are drawn in [phantoms.md](../phantoms.md).",
        "",
        f"![{entry['contact_sheet']}]({name}.png)",
        "",
        f"Classes: {', '.join(f'{label} is *{kind}*' for label, kind in enumerate(entry['classes']))}.",
    ]
    for source, given in entry["sources"].items():
        lines += ["", f"## {source}: {given['title']}", ""]
        lines += [
            f"- **{field}.** {text[0].upper()}{text[1:].rstrip('.')}."
            for field, text in zip(FIELDS, _texts(name, source, given), strict=True)
        ]
    return "\n".join(_wrapped(lines)) + "\n"


def _texts(name: str, source: str, given: dict[str, Any]) -> Iterable[str]:
    """What stands under each of FIELDS."""
    classes = data_set(name)["classes"]
    sizes = {
        profile.name: profile.sizes.get(name) or profile.sizes[name.split("_")[0]] for profile in PROFILES.values()
    }
    yield f"{data_set(name)['title']}. Truth: {given['truth']}. Version {given['version']}"
    counted = given.get("films", {})
    counts = [
        f"`{split}` {sum(films):,} films ({', '.join(f'{n:,} {kind}' for n, kind in zip(films, classes, strict=True))})"
        for split, films in counted.items()
    ]
    views = [split for split in given["splits"] if counted and split not in counted]
    if views:
        counts.append(f"{' and '.join(f'`{view}`' for view in views)}: the parts of `develop` by its folds")
    yield "; ".join(counts or [given["counts"]]) + (
        ". Grey values from 0 to 255; each patient in one split only, unless it is said otherwise; "
        + ", ".join(f"{size} px in the {profile} profile" for profile, size in sizes.items())
        + f", 64 to {given.get('largest', 1024)} on request"
    )
    yield FORMAT
    options = "".join(f", {option}=..." for option in given.get("options", []))
    yield f'`data_fetch.fetch_{name}("{source}", split="{given["labs"][0]}"{options})`, or `data-fetch get {name} --source {source}`.'
    yield "; ".join(filter(None, [given["title"], _origin(given), given["citation"]]))
    yield given["licence"]
    yield f"{given['processing']}. How it gets here: {given['unpack']}"


def _origin(given: dict[str, Any]) -> str:
    archives = registry()["archives"]["nih"]
    held = [f"{name} (md5 {archives[name]['md5']})" for name in given.get("archives", [])]
    return ", ".join(filter(None, [f"<{given['address']}>" if "address" in given else "", *held]))


def _wrapped(lines: list[str]) -> Iterable[str]:
    for line in lines:
        if len(line) <= 120 or line.startswith("!["):
            yield line
        else:
            indent = "  " if line.startswith("- ") else ""
            yield from textwrap.wrap(
                line, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
            )


def sheet(name: str) -> Image.Image:
    """Twelve phantoms of a data set, negatives above positives, in few greys so that the file is small."""
    from PIL import Image

    from data_fetch.datasets.cues import paste_cue
    from data_fetch.sources.phantoms import cardiomegaly, pneumothorax
    from data_fetch.sources.phantoms.film import render

    films: list[np.ndarray] = []
    for label in (0, 1):
        if name == "pneumothorax":
            gas = [entry for entry in pneumothorax.entries_of("test") if entry.label == label][:COLUMNS]
            films += [render(e.patient, e.exposure, SIZE, e.additions).image for e in gas]
            continue
        hearts = [entry for entry in cardiomegaly.entries_of("test") if entry.label == label and not entry.film][
            :COLUMNS
        ]
        for place, entry in enumerate(hearts):
            image = render(entry.patient, entry.exposure, SIZE).image
            if name == "cardiomegaly_biased" and label:
                image = paste_cue(image[None], ("tag", "marker", "text")[place // 2], [entry.name])[0][0]
            films.append(image)
    step = SIZE + GAP
    whole = np.full((2 * step - GAP, COLUMNS * step - GAP), GREYS - 1, np.uint8)
    for place, film in enumerate(films):
        top, left = step * (place // COLUMNS), step * (place % COLUMNS)
        whole[top : top + SIZE, left : left + SIZE] = np.round(film * ((GREYS - 1) / 255))
    picture = Image.fromarray(whole, mode="P")
    picture.putpalette([round(grey * 255 / (GREYS - 1)) for grey in range(GREYS) for _ in range(3)])
    return picture


def write(folder: pathlib.Path, sheets: bool = True) -> list[pathlib.Path]:
    """Write NAME.md, and NAME.png, for each data set of the registry; the paths that were written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in registry()["datasets"]:
        path = folder / f"{name}.md"
        path.write_text(page(name), encoding="utf-8")
        written.append(path)
        if sheets:
            sheet(name).save(path.with_suffix(".png"), optimize=True)
            written.append(path.with_suffix(".png"))
    return written
