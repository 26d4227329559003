"""Stored sets: each is added to the cache once, completely or not at all, however many processes ask for it."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from data_fetch.errors import DataFetchError
from data_fetch.store.atomic import fresh_folder, remove_left_overs
from data_fetch.store.cache import locked, not_written, shared_folders
from data_fetch.store.manifest import check_sizes, write_manifest
from data_fetch.store.mirror import copy_from_mirror
from data_fetch.transfer.transport import CannotReach


@dataclass(frozen=True)
class StoredSet:
    """A stored set that may not exist yet: its name, and how it is made.

    Attributes
    ----------
    set_id : str
        Name of its folder; contains everything that distinguishes sets (source, version, size, split).
    write : function of a folder
        Writes the files of the set into an existing empty folder. If it raises, nothing is left behind.
    made_here : bool
        Whether `write` needs neither mirror nor network: a mirror that does not answer is then not an error.
    variant : str
        The part of `set_id`, and of the names of sets derived from this one, that identifies the origin of the films;
        empty if there is only one.
    made_from : tuple of Path
        The stored sets from which this one was made and which it needs.
    masks : mapping of str -> (N, H, W) bool, or None
        Masks that also apply to these films, stored in the sets from which they were made.
    """

    set_id: str
    write: Callable[[pathlib.Path], None]
    made_here: bool = False
    variant: str = ""
    made_from: tuple[pathlib.Path, ...] = ()
    masks: Mapping[str, np.ndarray] | None = None


def pieces_of(set_id: str, cache: pathlib.Path) -> pathlib.Path:
    """Folder for the confirmed pieces of a long download until their set is complete."""
    return cache / "partial" / set_id


def stored(wanted: StoredSet, cache: pathlib.Path, quiet: bool = False) -> pathlib.Path:
    """The folder of a stored set, copied from the mirror or made if it does not exist.

    Parameters
    ----------
    cache : Path
        From :func:`data_fetch.store.cache.cache_folder`; written only if no shared cache has the set.
    quiet : bool
        Whether to print nothing while waiting for another process.

    Raises
    ------
    DataFetchError
        If the cache cannot be written, or the size of a stored file differs from its manifest.
    """
    folder = _in_shared(wanted.set_id)
    if folder is None:
        folder = cache / "sets" / wanted.set_id
        if not folder.is_dir():
            with locked(cache, wanted.set_id, quiet):
                if not folder.is_dir():
                    _make(folder, wanted)
        check_sizes(folder)
    pieces = pieces_of(wanted.set_id, cache)
    if pieces.is_dir():
        shutil.rmtree(pieces, ignore_errors=True)
    return folder


def _in_shared(set_id: str) -> pathlib.Path | None:
    """The folder of a set in a shared cache; a damaged one is reported and ignored, so that a class can continue."""
    for place in shared_folders():
        folder = place / "sets" / set_id
        try:
            if folder.is_dir():
                os.listdir(folder)  # a set that may not be read is not a damaged one
                check_sizes(folder)
                return folder
        except PermissionError:
            print(
                f"Ignoring a set of the shared cache that this user may not read: {folder}\n"
                f"Ask the administrator of the shared cache to run: chmod -R go+rX {place}",
                file=sys.stderr,
            )
        except DataFetchError as problem:
            print(f"Ignoring a damaged set of the shared cache.\n{problem}", file=sys.stderr)
    return None


def _make(folder: pathlib.Path, wanted: StoredSet) -> None:
    try:
        remove_left_overs(folder)  # this process holds the lock, so they belong to processes that are gone
        with fresh_folder(folder, for_all=True) as part:
            if not _from_mirror(wanted, part):
                wanted.write(part)
            write_manifest(part)
    except OSError as reason:
        raise not_written(f"{folder.name} could not be written", folder.parent, reason) from reason


def _from_mirror(wanted: StoredSet, part: pathlib.Path) -> bool:
    try:
        return copy_from_mirror(wanted.set_id, part)
    except CannotReach as problem:
        if not wanted.made_here:
            raise
        print(f"The mirror does not answer; making {wanted.set_id} on this machine.\n{problem}", file=sys.stderr)
        shutil.rmtree(part)
        part.mkdir()
        return False
