"""Checkpoints: weights only, with a card that says what they are; the card's sha256 is checked at each load."""

from __future__ import annotations

import importlib.resources
import pathlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from data_fetch.cache import sha256_of
from data_fetch.errors import DataFetchError, choose
from data_fetch.files import fetch_url


@dataclass(frozen=True)
class CheckpointFiles:
    """A weights file (HDF5) whose hash has been checked, and its card."""

    path: pathlib.Path
    card: Mapping[str, Any]


def checkpoint_folder() -> pathlib.Path:
    """Where the checkpoints of the course lie, beside this module."""
    return pathlib.Path(str(importlib.resources.files("data_fetch"))) / "checkpoints"


def checkpoint_names(folder: pathlib.Path | None = None) -> list[str]:
    return sorted(path.stem for path in (folder or checkpoint_folder()).glob("*.toml"))


def checkpoint(name: str, folder: pathlib.Path | None = None) -> CheckpointFiles:
    """The weights and card of a checkpoint.

    Parameters
    ----------
    name : str
        For example "cardiomegaly".
    folder : Path, optional
        Where NAME.toml and NAME.h5 are; the course's own by default.

    Returns
    -------
    CheckpointFiles
        Weights that are not in the folder are downloaded from the card's ``url``, if it has one, into the cache.

    Raises
    ------
    DataFetchError
        If there is none of this name, its card cannot be read, or the weights are not those of the card.
    """
    folder = folder or checkpoint_folder()
    choose("checkpoint", name, checkpoint_names(folder), where=folder)
    path, card_path = folder / f"{name}.h5", folder / f"{name}.toml"
    try:
        card = tomllib.loads(card_path.read_text(encoding="utf-8"))
        sha256 = str(card["sha256"])
    except (OSError, ValueError, KeyError) as reason:
        raise DataFetchError(f"The card of a checkpoint cannot be read ({reason!r}).", where=card_path) from None
    if not path.is_file() and "url" in card:
        path = fetch_url(f"{name}-{sha256[:12]}.h5", [card["url"]], f"sha256:{sha256}")
    got = sha256_of(path) if path.is_file() else None
    if got != sha256:
        raise DataFetchError(
            "The weights of a checkpoint are " + ("missing." if got is None else "not those that its card describes."),
            where=path,
            expected=f"sha256 {sha256}",
            got=f"sha256 {got} ({path.stat().st_size:,} bytes)" if got else "no file",
            next=f"install the course again, or make the checkpoint: {card.get('command', 'see its card')}",
        )
    return CheckpointFiles(path, MappingProxyType(card))
