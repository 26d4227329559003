"""Checkpoints: weights only, with a card that says what they are; the card's sha256 is checked at each load.

Where they come from, in this order: the course's own, beside this module; those that the registry of the class names,
downloaded into the cache; those that `python -m medxai.train` made and stored in CACHE/checkpoints.
"""

from __future__ import annotations

import importlib.resources
import os
import pathlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from data_fetch.cache import cache_folder, sha256_of
from data_fetch.errors import DataFetchError, choose
from data_fetch.files import fetch_url
from data_fetch.registry import checkpoints

# What a card must say for anybody to use the weights.
CARD_KEYS = (
    "name",
    "builder",
    "arguments",
    "classes",
    "threshold",
    "target_layer",
    "sha256",
    "bytes",
    "command",
    "input",
)
INPUT_KEYS = ("size", "channels", "low", "high")


@dataclass(frozen=True)
class CheckpointFiles:
    """A weights file (HDF5) whose hash has been checked, its card, and where the card lies."""

    path: pathlib.Path
    card: Mapping[str, Any]
    card_path: pathlib.Path


def checkpoint_folder() -> pathlib.Path:
    """Where the checkpoints of the course lie, beside this module."""
    return pathlib.Path(str(importlib.resources.files("data_fetch"))) / "checkpoints"


def made_folder(cache_dir: str | os.PathLike[str] | None = None) -> pathlib.Path:
    """Where the checkpoints lie that were trained on this machine; `data-fetch clean` leaves them alone."""
    return cache_folder(cache_dir) / "checkpoints"


def checkpoint_names(folder: pathlib.Path | None = None) -> list[str]:
    """Names of the checkpoints of a folder; of the course's own by default."""
    return sorted(path.stem for path in (folder or checkpoint_folder()).glob("*.toml") if path.name[0] != ".")


def checkpoint(
    name: str,
    folder: pathlib.Path | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> CheckpointFiles:
    """The weights and card of a checkpoint, fetched first if they are published and not in the cache.

    Parameters
    ----------
    name : str
        For example "cardiomegaly-cpu".
    folder : Path, optional
        Look only here, for NAME.toml and NAME.h5; by default see the head of this module.

    Raises
    ------
    DataFetchError
        If there is none of this name, it was not made yet (with the command that makes it), its card cannot be read, or
        the weights are not those of the card.
    """
    if folder is not None:
        choose("checkpoint", name, checkpoint_names(folder), where=folder)
        return _read(name, folder / f"{name}.h5", folder / f"{name}.toml")
    known = _all_known(cache_dir)
    entry = known[choose("checkpoint", name, known)]
    files = _local_files(name, entry, cache_dir)
    if "card" in entry:
        for part, path in zip(_PARTS, files, strict=True):
            given = entry[part]
            fetch_url(path.name, list(given["urls"]), f"sha256:{given['sha256']}", cache_dir, progress)
    elif "weights" not in entry and not files[1].is_file():
        raise DataFetchError(
            f"The checkpoint {name!r} is not on this machine, and the course does not bring it.",
            where=files[0].parent,
            expected=f"{name}.h5 and {name}.toml",
            got="neither",
            next="ask your instructor for the address of the class's registry, and type: data-fetch use ADDRESS\n"
            f"            or make it, on a GPU: {entry['command']}\n"
            "            or work in the cpu profile, for which everything is there: unset MEDXAI_PROFILE",
        )
    return _read(name, *files, sha256=entry.get("weights", {}).get("sha256"))


_PARTS = {"weights": "h5", "card": "toml"}


def published_name(name: str, sha256: str, kind: str) -> str:
    """The file name under which a published checkpoint travels: another content never has the same."""
    return f"{name}-{sha256[:12]}.{kind}"


def _local_files(
    name: str, entry: Mapping[str, Any], cache_dir: str | os.PathLike[str] | None
) -> tuple[pathlib.Path, pathlib.Path]:
    """Where weights and card of a checkpoint lie on this machine, once they are there."""
    if "card" in entry:
        folder = cache_folder(cache_dir) / "files"
        weights, card = (folder / published_name(name, entry[part]["sha256"], kind) for part, kind in _PARTS.items())
        return weights, card
    folder = checkpoint_folder() if "weights" in entry else made_folder(cache_dir)
    return folder / f"{name}.h5", folder / f"{name}.toml"


def _read(name: str, path: pathlib.Path, card_path: pathlib.Path, sha256: str | None = None) -> CheckpointFiles:
    """The two files of a checkpoint, if they belong together. sha256 : what a registry says of the weights."""
    try:
        card = tomllib.loads(card_path.read_text(encoding="utf-8"))
        stated = str(card["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as reason:
        raise DataFetchError(f"The card of a checkpoint cannot be read ({reason!r}).", where=card_path) from None
    again = f"install the course again, or make the checkpoint: {card.get('command', 'see its card')}"
    if card.get("name", name) != name or (sha256 or stated) != stated:
        raise DataFetchError(
            "This is the card of another checkpoint.",
            where=card_path,
            expected=f"name {name!r}" + (f", sha256 {sha256}" if sha256 else ""),
            got=f"name {card.get('name', name)!r}, sha256 {stated}",
            next="pack the checkpoint again (data-fetch pack-checkpoints)" if sha256 else again,
        )
    got = sha256_of(path) if path.is_file() else None
    if got != stated:
        count, whole = path.stat().st_size if got else 0, card.get("bytes")
        short = got and isinstance(whole, int) and count < whole
        raise DataFetchError(
            "The weights of a checkpoint are "
            + ("missing." if got is None else "truncated." if short else "not those that its card describes."),
            where=path,
            expected=f"sha256 {stated}" + (f" ({whole:,} bytes)" if isinstance(whole, int) else ""),
            got=f"sha256 {got} ({count:,} bytes)" if got else "no file",
            next=again,
        )
    return CheckpointFiles(path, MappingProxyType(card), card_path)


def missing_from_card(card: Mapping[str, Any]) -> list[str]:
    """The keys that a card lacks, such as "threshold" or "input.low"."""
    contract = card.get("input")
    missing = [key for key in CARD_KEYS if key not in card]
    return missing + [f"input.{key}" for key in INPUT_KEYS if not isinstance(contract, Mapping) or key not in contract]


# ---- what is there --------------------------------------------------------------------------------------------------


def described(cache_dir: str | os.PathLike[str] | None = None) -> dict[str, tuple[str, str]]:
    """{name: (title, where it is or what brings it)} for every checkpoint that is known on this machine."""
    found = {}
    for name, entry in _all_known(cache_dir).items():
        here = all(path.is_file() for path in _local_files(name, entry, cache_dir))
        if "card" in entry:
            fetched = "in the cache" if here else f"not fetched yet: data-fetch get {name}"
            state = f"published for the class, {entry['weights']['bytes']:,} bytes, {fetched}"
        elif "weights" in entry:
            state = "part of the course"
        else:
            state = "made on this machine" if here else f"not made yet: {entry.get('command', 'its card is missing')}"
        found[name] = (entry.get("title", "of your own"), state)
    return found


def verify_checkpoints(cache_dir: str | os.PathLike[str] | None = None) -> dict[str, DataFetchError | None]:
    """Hash every checkpoint that is on this machine again; {name: what is wrong, or None}. Fetches nothing."""
    found: dict[str, DataFetchError | None] = {}
    for name, entry in _all_known(cache_dir).items():
        files = _local_files(name, entry, cache_dir)
        if not any(path.is_file() for path in files) and ("card" in entry or "weights" not in entry):
            continue
        try:
            _read(name, *files, sha256=entry.get("weights", {}).get("sha256"))
            found[name] = None
        except DataFetchError as damage:
            found[name] = damage
    return found


def _all_known(cache_dir: str | os.PathLike[str] | None) -> dict[str, dict[str, Any]]:
    """Every checkpoint that is known by name or was made here; {name: entry}, empty for those of one's own."""
    known = checkpoints(cache_dir)
    return known | {name: {} for name in checkpoint_names(made_folder(cache_dir)) if name not in known}
