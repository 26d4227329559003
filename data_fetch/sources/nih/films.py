"""NIH ChestX-ray14: which films, from which archives, and the stored set that they become.

The archives are the official ones, or those of a mirror (DATA_FETCH_MIRROR) under the official names. A mirror with a
``manifest.csv`` (columns archive, image_index and md5 at least) states which films it holds and the md5 of each, and
the rule that chooses is applied to those; a mirror without one is taken for a copy of the official archives and must
have their md5.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data_fetch.datasets.imageset import new_array
from data_fetch.datasets.splits import choose_films
from data_fetch.errors import DataFetchError, TooFewFilms
from data_fetch.progress import bar
from data_fetch.sources.nih.index import PUBLISHED_SIZE, nih_index
from data_fetch.store import cache, tomltext
from data_fetch.store.registry import data_set, registry
from data_fetch.transfer import transport
from data_fetch.transfer.archives import Archive, film_path, take_films

# (negatives, positives) wanted, and the seed of the choice.
DEVELOP, TEST, SEED = (352, 48), (200, 100), 2017
MANIFEST = "manifest.csv"


@dataclass(frozen=True, eq=False)
class Source:
    """Where NIH films come from.

    Attributes
    ----------
    key : str
        "official", or "mirror-" and the beginning of the sha256 of the mirror's manifest: the same films, however
        they are reached, are the same stored set.
    address : str or None
        The mirror's URL or folder; None for the official addresses.
    manifest : bytes
        The mirror's manifest.csv; empty where the official archives (or a copy of them) are meant.
    """

    key: str
    address: str | None
    manifest: bytes = b""

    @property
    def films(self) -> Mapping[str, tuple[str, str]] | None:
        """Film name -> (archive, md5), as the mirror's manifest names them; None without one."""
        return _parse(self.manifest, self.address or "") if self.manifest else None


def find_source(folder: pathlib.Path, refresh: bool = False) -> Source:
    """The mirror that DATA_FETCH_MIRROR names, or the official source.

    Parameters
    ----------
    folder : Path
        The cache. A URL's manifest is kept there, so that a set in the cache needs no network.
    refresh : bool
        Whether to ask a URL again although its manifest is in the cache.
    """
    address = transport.mirror_address()
    if address is None:
        return Source("official", None)
    kept = folder / "mirrors" / hashlib.sha256(address.encode()).hexdigest()[:16] / MANIFEST
    if transport.is_url(address) and kept.is_file() and (not refresh or cache.offline()):
        content = kept.read_bytes()
    else:
        try:
            content = _read_manifest(address)
        except transport.CannotReach:
            if not kept.is_file():
                raise
            content = kept.read_bytes()
        if transport.is_url(address):
            if content:
                _parse(content, address)  # a login page must not be kept as a manifest
            kept.parent.mkdir(parents=True, exist_ok=True)
            part = kept.with_name(f"{MANIFEST}.{os.getpid()}.part")
            part.write_bytes(content)
            part.replace(kept)
    if not content:
        return Source("official", address)
    return Source("mirror-" + hashlib.sha256(content).hexdigest()[:12], address, content)


def _read_manifest(address: str) -> bytes:
    try:
        return transport.read_small(transport.join(address, MANIFEST))
    except transport.NotThere:
        return b""  # a copy of the official archives


@functools.lru_cache(maxsize=4)
def _parse(content: bytes, address: str) -> dict[str, tuple[str, str]]:
    where = transport.join(address, MANIFEST)
    transport.refuse_html(content[:4096], where, "a table with the columns archive, image_index and md5")
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        films = {row["image_index"]: (row["archive"], row["md5"].lower()) for row in rows}
    except (UnicodeDecodeError, csv.Error, KeyError, AttributeError) as reason:
        raise DataFetchError(
            f"The manifest of the mirror cannot be read ({type(reason).__name__}: {reason}).",
            where=where,
            expected="a CSV table with the columns archive, image_index and md5",
            next="check DATA_FETCH_MIRROR",
        ) from None
    for name, (archive, md5) in films.items():
        if not re.fullmatch(r"[\w.-]+\.tar\.gz", archive) or not re.fullmatch(r"[0-9a-f]{32}", md5):
            raise DataFetchError(
                "The manifest of the mirror has a row without a proper archive name or md5.",
                where=where,
                expected="NAME.tar.gz and 32 hexadecimal digits",
                got=f"{name}: {archive!r}, {md5!r}",
            )
    return films


@dataclass(frozen=True, eq=False)
class Chosen:
    """The films of a set, in the order in which they are stored.

    Attributes
    ----------
    finding : str
        What label 1 means, as the index writes it.
    rows : (N,) int
        Of the index.
    splits : (N,) str
        The films of one split lie together.
    folds : (N,) int
        -1 outside of development; ascending within it.
    archives : tuple of Archive
        From where each film is taken.
    rule : str
        In words, for the card.
    """

    finding: str
    rows: np.ndarray
    splits: np.ndarray
    folds: np.ndarray
    archives: tuple[Archive, ...]
    rule: str


def offered_rows(source: Source, archives: Sequence[str]) -> np.ndarray:
    """Rows of the index that a source has, ascending: the films of these official archives, or all of a mirror."""
    index, films = nih_index(), source.films
    if films is None:
        return np.flatnonzero(np.isin(index.archives(np.arange(len(index))), archives))
    found = index.rows(films)
    return np.sort(found[found >= 0])


def archives_of(source: Source, rows: np.ndarray) -> tuple[Archive, ...]:
    """Where a source has these films, archive by archive."""
    index, films = nih_index(), source.films
    wanted: dict[str, dict[str, str | None]] = {}
    official = registry()["archives"]["nih"]
    for name, archive in zip(index.names(rows), index.archives(rows), strict=True):
        stated, md5 = (str(archive), None) if films is None else films[name]
        wanted.setdefault(stated, {})[name] = md5
    return tuple(
        Archive(
            name=name,
            address=official[name]["urls"][0] if source.address is None else transport.join(source.address, name),
            wanted=here,
            md5=official[name]["md5"] if films is None else None,
        )
        for name, here in sorted(wanted.items())
    )


def choose_cardiomegaly(source: Source) -> Chosen:
    """Which films the rule and the seed choose from a source; downloads nothing."""
    index = nih_index()
    offered = offered_rows(source, data_set("cardiomegaly")["sources"]["nih"]["archives"])
    try:
        plan = choose_films(
            index.patient[offered],
            index.has("Cardiomegaly")[offered],
            index.has("No Finding")[offered],
            DEVELOP,
            TEST,
            SEED,
        )
    except TooFewFilms as problem:
        raise TooFewFilms(
            "Cardiomegaly cannot be learned from this mirror: " + problem.what,
            where=source.address,
            expected=problem.expected,
            got=problem.got,
            next="unset DATA_FETCH_MIRROR to use the official archives, or use --source phantom",
        ) from None
    rows = offered[np.concatenate([plan.develop, plan.test])]
    filled = f"; {plan.filled} normals show another finding, as films without any ran out" * (plan.filled > 0)
    return Chosen(
        finding="Cardiomegaly",
        rows=rows,
        splits=np.repeat(["develop", "test"], [len(plan.develop), len(plan.test)]),
        folds=np.concatenate([plan.folds, np.full(len(plan.test), -1)]),
        archives=archives_of(source, rows),
        rule="choose_films in data_fetch/datasets/splits.py, normal = no finding" + filled,
    )


def write_films(
    chosen: Chosen,
    card: Mapping[str, object],
    size: int,
    part: pathlib.Path,
    pieces: pathlib.Path,
    progress: bool,
) -> None:
    """Fetch the films and write the stored set into an existing empty folder.

    Parameters
    ----------
    chosen : Chosen
    card : mapping
        From :func:`card_of`.
    size : int
        Height and width of the films.
    part : Path
        Receives images.npy, table.csv, boxes.csv and card.toml.
    pieces : Path
        Where confirmed films wait; what an earlier run left there is not fetched again.
    """
    index = nih_index()
    names = index.names(chosen.rows)
    with bar(f"NIH films, {size} px", len(names), progress) as step:
        take_films(chosen.archives, pieces, size, step)
    archive_of = {name: archive.name for archive in chosen.archives for name in archive.wanted}
    images = new_array(part / "images.npy", np.uint8, (len(names), size, size))
    for film, name in enumerate(names):
        images[film] = np.load(film_path(pieces / archive_of[name], name))
    images.flush()
    del images

    table = index.attributes(chosen.rows, size)
    table["archive"] = [archive_of[name] for name in names]
    table["fold"] = chosen.folds
    table["split"] = chosen.splits
    table.insert(0, "name", names)
    table.insert(1, "label", index.has(chosen.finding)[chosen.rows].astype(int))
    table.insert(2, "patient", index.patient[chosen.rows].astype(int))
    table.to_csv(part / "table.csv", index=False, lineterminator="\n")
    index.boxes(chosen.rows, size).to_csv(part / "boxes.csv", index=False, lineterminator="\n")
    (part / "card.toml").write_text(tomltext.dumps(card), encoding="utf-8")


def card_of(
    name: str, source: Source, chosen: Chosen, size: int, wanted: Mapping[str, int], seed: int
) -> dict[str, object]:
    """The card of a stored set of NIH films. wanted : how many films the rule asks for, by split."""
    entry = data_set(name)["sources"]["nih"]
    official = not source.manifest
    hashes = "hashes by the NIH (md5 of each archive)" if official else "hashes by the mirror (md5 of each film)"
    got = {split: int((chosen.splits == split).sum()) for split in wanted}
    return {
        "name": f"{name}-nih",
        "source": "nih",
        "size": size,
        "seed": seed,
        "version": entry["version"],
        "address": entry["address"],
        "licence": entry["licence"],
        "citation": entry["citation"],
        "preprocessing": "grey by Pillow's luma, area average down from "
        f"{PUBLISHED_SIZE} px (Pillow BOX), 8 bits, bone white; nothing else",
        "label": f"{chosen.finding} named in the report, by text mining: wrong for some films",
        "rule": chosen.rule,
        "archives": [archive.name for archive in chosen.archives],
        "read": "whole archives" if official else "each archive up to its last wanted film",
        "hashes": hashes,
        "wanted": {split: f"{got[split]} of {count}, {hashes}" for split, count in wanted.items()},
    }


def write_cardiomegaly(source: Source, size: int, part: pathlib.Path, pieces: pathlib.Path, progress: bool) -> None:
    """Choose, fetch and write the cardiomegaly films: see :func:`write_films`."""
    chosen = choose_cardiomegaly(source)
    card = card_of("cardiomegaly", source, chosen, size, {"develop": sum(DEVELOP), "test": sum(TEST)}, SEED)
    write_films(chosen, card, size, part, pieces, progress)
