"""Checkpoints: weights only, with a card that describes them; the card's sha256 is checked at each load.

They are looked up in this order: the course's own, next to this module; those in the registry of the class, downloaded
into the cache; those trained with `python -m medxai.train` and stored in CACHE/checkpoints.
"""

from __future__ import annotations

import importlib.resources
import os
import pathlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from data_fetch.errors import DataFetchError, choose
from data_fetch.store.cache import cache_folder, sha256_of, shared_folders
from data_fetch.store.files import fetch_url
from data_fetch.store.registry import checkpoints

# Keys without which the weights are unusable.
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
MADE = "checkpoints"  # folder of a cache


@dataclass(frozen=True)
class CheckpointFiles:
    """A weights file (HDF5) whose hash has been checked, its card, and the path of the card."""

    path: pathlib.Path
    card: Mapping[str, Any]
    card_path: pathlib.Path


def checkpoint_folder() -> pathlib.Path:
    """The folder of the course's checkpoints, next to this module."""
    return pathlib.Path(str(importlib.resources.files("data_fetch.checkpoints")))


def made_folder(cache_dir: str | os.PathLike[str] | None = None) -> pathlib.Path:
    """The folder of checkpoints trained on this machine; `data-fetch clean` skips it."""
    return cache_folder(cache_dir) / MADE


def checkpoint_names(folder: pathlib.Path | None = None) -> list[str]:
    """Names of the checkpoints in a folder; by default the course's own."""
    return sorted(path.stem for path in (folder or checkpoint_folder()).glob("*.toml") if path.name[0] != ".")


def checkpoint(
    name: str,
    folder: pathlib.Path | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> CheckpointFiles:
    """The weights and card of a checkpoint, downloaded if they are published and not in the cache.

    Parameters
    ----------
    name : str
        For example "cardiomegaly-cpu".
    folder : Path, optional
        Look only here, for NAME.toml and NAME.h5; the default order is in the module docstring.

    Raises
    ------
    DataFetchError
        If there is none of this name, it was not made yet (with the command that makes it), its card cannot be read, or
        the weights do not match the card.
    """
    if folder is not None:
        choose("checkpoint", name, checkpoint_names(folder), where=folder)
        return _read(name, folder / f"{name}.h5", folder / f"{name}.toml", cache_dir=cache_dir)
    known = _all_known(cache_dir)
    entry = known[choose("checkpoint", name, known)]
    sha256 = entry.get("weights", {}).get("sha256")
    if "card" in entry:
        weights, card = (
            fetch_url(one, list(entry[part]["urls"]), f"sha256:{entry[part]['sha256']}", cache_dir, progress)
            for part, one in _published_names(name, entry).items()
        )
        return _read(name, weights, card, sha256)
    where = checkpoint_folder() if sha256 else _made(name, cache_dir)
    if where is None:
        raise DataFetchError(
            f"The checkpoint {name!r} is not on this machine and does not come with the course.",
            where=made_folder(cache_dir),
            expected=f"{name}.h5 and {name}.toml",
            got="neither",
            next="ask your instructor for the address of the class's registry, and run: data-fetch use ADDRESS\n"
            f"            or train it on a GPU: {entry['command']}\n"
            "            or use the cpu profile, whose checkpoints come with the course: unset MEDXAI_PROFILE",
        )
    return _read(name, where / f"{name}.h5", where / f"{name}.toml", sha256)


def published_name(name: str, sha256: str, kind: str) -> str:
    """The file name of a published checkpoint: different contents never share one."""
    return f"{name}-{sha256[:12]}.{kind}"


def _published_names(name: str, entry: Mapping[str, Any]) -> dict[str, str]:
    """{"weights": file name, "card": file name} of a checkpoint in a class's registry."""
    kinds = {"weights": "h5", "card": "toml"}
    return {part: published_name(name, entry[part]["sha256"], kind) for part, kind in kinds.items()}


def _caches(cache_dir: str | os.PathLike[str] | None) -> list[pathlib.Path]:
    return [*shared_folders(), cache_folder(cache_dir)]


def _made(name: str, cache_dir: str | os.PathLike[str] | None) -> pathlib.Path | None:
    """The folder of a cache that holds a locally trained checkpoint, or None."""
    folders = [folder / MADE for folder in _caches(cache_dir)]
    return next((folder for folder in folders if (folder / f"{name}.toml").is_file()), None)


def _read(
    name: str,
    path: pathlib.Path,
    card_path: pathlib.Path,
    sha256: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
) -> CheckpointFiles:
    """The two files of a checkpoint, if they match. sha256 : that of the weights in a registry."""
    try:
        card = tomllib.loads(card_path.read_text(encoding="utf-8"))
        stated = str(card["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as reason:
        raise DataFetchError(f"The card of a checkpoint cannot be read ({reason!r}).", where=card_path) from None
    if card.get("name", name) != name or (sha256 or stated) != stated:
        raise DataFetchError(
            "This is the card of another checkpoint.",
            where=card_path,
            expected=f"name {name!r}" + (f", sha256 {sha256}" if sha256 else ""),
            got=f"name {card.get('name', name)!r}, sha256 {stated}",
            next="pack the checkpoint again (data-fetch pack-checkpoints)" if sha256 else _again(card),
        )
    if not path.is_file() and "url" in card:
        path = fetch_url(published_name(name, stated, "h5"), [card["url"]], f"sha256:{stated}", cache_dir)
    check_weights(path, card)
    return CheckpointFiles(path, MappingProxyType(card), card_path)


def check_weights(path: pathlib.Path, card: Mapping[str, Any]) -> None:
    """Refuse a weights file that does not match its card.

    Parameters
    ----------
    path : Path
    card : mapping
        With `sha256`, and optionally `bytes` and `command`.

    Raises
    ------
    DataFetchError
        If the file is missing, truncated or a different one.
    """
    stated = str(card["sha256"])
    got = sha256_of(path) if path.is_file() else None
    if got != stated:
        count, whole = path.stat().st_size if got else 0, card.get("bytes")
        short = got and isinstance(whole, int) and count < whole
        raise DataFetchError(
            "The weights of a checkpoint are "
            + ("missing." if got is None else "truncated." if short else "not those described by its card."),
            where=path,
            expected=f"sha256 {stated}" + (f" ({whole:,} bytes)" if isinstance(whole, int) else ""),
            got=f"sha256 {got} ({count:,} bytes)" if got else "no file",
            next=_again(card),
        )


def _again(card: Mapping[str, Any]) -> str:
    return f"reinstall the course, or create the checkpoint again: {card.get('command', 'see its card')}"


def missing_from_card(card: Mapping[str, Any]) -> list[str]:
    """The keys that a card lacks, such as "threshold" or "input.low"."""
    contract = card.get("input")
    missing = [key for key in CARD_KEYS if key not in card]
    return missing + [f"input.{key}" for key in INPUT_KEYS if not isinstance(contract, Mapping) or key not in contract]


# ---- availability ---------------------------------------------------------------------------------------------------


def is_to_be_had(name: str, cache_dir: str | os.PathLike[str] | None = None) -> bool:
    """Whether a checkpoint comes with the course, is published for the class, or was made here."""
    return "weights" in checkpoints(cache_dir).get(name, {}) or _made(name, cache_dir) is not None


def described(cache_dir: str | os.PathLike[str] | None = None) -> dict[str, tuple[str, str]]:
    """{name: (title, where it is or how to get it)} for every checkpoint known on this machine."""
    found = {}
    for name, entry in _all_known(cache_dir).items():
        if "card" in entry:
            here = any(
                all((folder / "files" / one).is_file() for one in _published_names(name, entry).values())
                for folder in _caches(cache_dir)
            )
            fetched = "in the cache" if here else f"not fetched yet: data-fetch get {name}"
            state = f"published for the class, {entry['weights']['bytes']:,} bytes, {fetched}"
        elif "weights" in entry:
            state = "part of the course"
        else:
            made = _made(name, cache_dir)
            state = f"made on this machine, in {made}" if made else f"not made yet: {entry['command']}"
        found[name] = (entry.get("title", "your own"), state)
    return found


def verified_checkpoints(
    cache_dir: str | os.PathLike[str] | None = None,
) -> Iterator[tuple[str, DataFetchError | None]]:
    """Re-hash each checkpoint of the course and each one made here: its name, and the problem or None.

    Downloaded checkpoints are single files of the cache and are verified with those.
    """
    for name, entry in _all_known(cache_dir).items():
        where = checkpoint_folder() if "weights" in entry else _made(name, cache_dir)
        if "card" in entry or where is None:
            continue
        try:
            _read(name, where / f"{name}.h5", where / f"{name}.toml", entry.get("weights", {}).get("sha256"))
            yield name, None
        except DataFetchError as damage:
            yield name, damage


def _all_known(cache_dir: str | os.PathLike[str] | None) -> dict[str, dict[str, Any]]:
    """Every checkpoint known by name or made here: {name: entry}, with an empty entry for the user's own."""
    known = checkpoints(cache_dir)
    made = [name for folder in _caches(cache_dir) for name in checkpoint_names(folder / MADE)]
    return known | {name: {} for name in made if name not in known}
