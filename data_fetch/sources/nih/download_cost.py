"""Estimate the cost of fetching a set of NIH films before downloading anything: ``data-fetch get NAME --plan``."""

from __future__ import annotations

import csv
import pathlib
import sys
from dataclasses import dataclass

from data_fetch.sources.nih.film_choice import Chosen
from data_fetch.sources.nih.index import PUBLISHED_SIZE, nih_index
from data_fetch.sources.nih.origin import Origin
from data_fetch.sources.nih.source import NihSource
from data_fetch.store.registry import registry
from data_fetch.store.stored_sets import pieces_of
from data_fetch.transfer import transport
from data_fetch.transfer.archive_reader import Archive, missing_films

# The mean of 195 films from all archives is 0.36 MB; the NIH does not publish the sizes of the archives.
FILM_BYTES = 360_000


@dataclass(frozen=True)
class Cost:
    """The cost of one archive.

    Attributes
    ----------
    archive : Archive
    missing : int
        Films wanted from it that are not confirmed yet; it is opened only if there are any.
    bytes : int
        Maximum number of bytes to download.
    estimated : bool
        Whether `bytes` was computed from the number of films because the size is not stated.
    """

    archive: Archive
    missing: int
    bytes: int
    estimated: bool


def costs(chosen: Chosen, origin: Origin, pieces: pathlib.Path, size: int) -> list[Cost]:
    """The cost of each archive that holds chosen films, at a size in pixels."""
    official, held = registry()["archives"]["nih"], origin.films or {}
    found = []
    for archive in chosen.archives:
        # A mirror is asked for sizes; the official servers are not, so that the cost is known without a network.
        stated = None if origin.address is None else transport.length_of(archive.address)
        films = official[archive.name]["films"] if archive.md5 else sum(a == archive.name for a, _ in held.values())
        missing = len(missing_films(archive, pieces, size))
        found.append(Cost(archive, missing, films * FILM_BYTES if stated is None else stated, stated is None))
    return found


def print_cost(source: NihSource, size: int) -> None:
    """Print which films would be fetched (CSV, on standard output) and the cost (on standard error)."""
    chosen = source.rule.choose(source.origin)
    set_id = source.set_id(size)
    there = (source.cache / "sets" / set_id).is_dir()
    found = costs(chosen, source.origin, pieces_of(set_id, source.cache), size)
    _print_costs(found, len(chosen.rows), size, there)
    _print_films(chosen)


def _print_costs(all_costs: list[Cost], films: int, size: int, there: bool) -> None:
    official = registry()["archives"]["nih"]
    for cost in all_costs:
        archive = cost.archive
        held = f" of {official[archive.name]['films']:,}" if archive.md5 else ""
        hashed = (
            f"md5 {archive.md5}; read to its end" if archive.md5 else "md5 of each film; read to its last wanted film"
        )
        amount = f"{'about ' if cost.estimated else ''}{cost.bytes / 1e9:.2f} GB"
        print(f"{archive.address}: {len(archive.wanted)}{held} films, {amount}, {hashed}", file=sys.stderr)
    opened = [] if there else [cost for cost in all_costs if cost.missing]
    passing, missing = sum(cost.bytes for cost in opened), sum(cost.missing for cost in opened)
    bound = "about " if any(cost.estimated for cost in opened) else ""
    if opened and not all(cost.archive.md5 for cost in opened):
        bound = "at most " + bound
    known = f", estimated at {FILM_BYTES / 1e6:.2f} MB per film" if any(c.estimated for c in opened) else ""
    kept = films * size * size
    print(f"in the cache: {'the whole set' if there else f'{films - missing:,} of {films:,} films'}", file=sys.stderr)
    print(f"to open:      {len(opened)} of {len(official)} archives", file=sys.stderr)
    print(f"to download:  {bound}{passing / 1e9:.2f} GB{known}", file=sys.stderr)
    print(
        f"on disk:      {kept / 1e6:.0f} MB ({films:,} films of {size} x {size} pixels); twice that while the set is made",
        file=sys.stderr,
    )


def _print_films(chosen: Chosen) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["name", "split", "fold", "archive", "findings"])
    table = nih_index().attributes(chosen.rows, PUBLISHED_SIZE)
    archive_of = {film: archive.name for archive in chosen.archives for film in archive.wanted}
    for place, film in enumerate(nih_index().names(chosen.rows)):
        fold = chosen.folds[place] if chosen.folds[place] >= 0 else ""
        writer.writerow([film, chosen.splits[place], fold, archive_of[film], table["findings"][place]])
