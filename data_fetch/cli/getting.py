"""What ``data-fetch get`` and ``data-fetch mirror`` fetch: one data set, or everything that the labs of a profile ask for."""

from __future__ import annotations

import functools
import os
import pathlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from data_fetch.checkpoints.checkpoint_files import checkpoint, is_to_be_had
from data_fetch.datasets.catalogue import DATASETS
from data_fetch.errors import DataFetchError, TooFewFilms, choose
from data_fetch.profiles import Profile
from data_fetch.store.files import fetch_file
from data_fetch.store.registry import checkpoints, data_set, registry

Folder = str | os.PathLike[str] | None


@dataclass(frozen=True)
class Part:
    """One thing that a profile needs: a title for people, and how it is fetched into a cache folder.

    `group` names what fails together: where a source does not answer, its other splits are not tried.
    """

    title: str
    group: str
    fetch: Callable[[Folder], list[pathlib.Path]]


def parts_of(profile: Profile) -> Iterator[Part]:
    """Everything that the labs of a profile ask for: stored sets, single files, checkpoints."""
    for entry in registry()["profiles"][profile.name]:
        if "file" in entry:
            yield _part(f"file {entry['file']}", functools.partial(fetch_file, entry["file"]))
        for split in entry.get("splits", ()):
            yield _set_part(entry["set"], entry["source"], split, entry.get("size"))
    for name, entry in checkpoints().items():
        if entry["profile"] == profile.name and is_to_be_had(name):
            yield Part(f"checkpoint {name}", f"checkpoint {name}", functools.partial(_checkpoint, name))


def _checkpoint(name: str, folder: Folder) -> list[pathlib.Path]:
    files = checkpoint(name, cache_dir=folder)
    return [files.path, files.card_path]


def _set_part(name: str, source: str, split: str, size: int | None) -> Part:
    pixels = f", {size} px" if size else ""

    def fetch(folder: Folder) -> list[pathlib.Path]:
        return list(DATASETS[name].get(DATASETS[name].source(source, folder), split, size).folders)

    return Part(f"{name}, {source}, {split}{pixels}", f"{name}, {source}", fetch)


def _part(title: str, fetch: Callable[[Folder], pathlib.Path]) -> Part:
    return Part(title, title, lambda folder: [fetch(folder)])


def left_out(profile: Profile) -> dict[str, str]:
    """What belongs to the course and is not fetched with everything, with the reason."""
    in_a_profile = {entry.get("file") for entries in registry()["profiles"].values() for entry in entries}
    reasons = {
        f"file {name}": f"only on request (data-fetch get {name}); licence: {file['licence']}"
        for name, file in registry()["files"].items()
        if name not in in_a_profile
    }
    for name, entry in checkpoints().items():
        if entry["profile"] == profile.name and not is_to_be_had(name):
            reasons[f"checkpoint {name}"] = f"not published; `{entry['command']}` makes it"
    return reasons


def fetch_parts(
    profile: Profile, folder: Folder, say: Callable[[str], None], quiet: bool = False
) -> tuple[list[pathlib.Path], bool]:
    """Fetch everything of a profile; one thing that fails does not stop the others.

    Parameters
    ----------
    say : function of a line
        Told what was fetched; and at the end what was not, with its reason.

    Returns
    -------
    list of Path, bool
        Where the things lie, and whether all went well. What a mirror has too few films for, and what is only on
        request, is named and is no failure.
    """
    found: dict[pathlib.Path, None] = {}
    missing = left_out(profile)
    failed: dict[str, str] = {}
    broken: set[str] = set()
    for part in parts_of(profile):
        if part.group in broken:
            failed[part.title] = "not tried, for the reason above"
            continue
        try:
            paths = part.fetch(folder)
        except TooFewFilms as problem:
            missing[part.title] = str(problem)
        except DataFetchError as problem:
            failed[part.title] = str(problem)
            broken.add(part.group)
            say(f"failed:  {part.title}")
        else:
            found |= dict.fromkeys(paths)
            if not quiet:
                say(f"there:   {part.title}")
    if missing:
        say("\nNot fetched, and no failure:")
        for title, reason in missing.items():
            say(f"- {title}: {reason}")
    if failed:
        say("\nFailed:")
        for title, reason in failed.items():
            say(f"- {title}: {reason}")
        say("\nWhat is there stays. Next: run the same command again")
    return list(found), not failed


def stored_paths(
    names: list[str], source: str | None, size: int | None, say: Callable[[str], None], **given: Any
) -> list[pathlib.Path]:
    """The stored sets of the named data sets (of all, where none is named), the named single files and checkpoints."""
    found: dict[pathlib.Path, None] = {}
    for name in names or DATASETS:
        if choose("data set", name, [*DATASETS, *registry()["files"], *checkpoints()]) not in DATASETS:
            single = name in registry()["files"]
            found |= dict.fromkeys([fetch_file(name)] if single else _checkpoint(name, None))
            continue
        known = data_set(name)["sources"]
        if not names and source not in (None, *known):
            continue
        dataset = DATASETS[name]
        options = given
        if not names:  # an option that this set does not have is meant for another
            fitting = dataset.source(source).entry.get("options", ())
            options = {key: value for key, value in given.items() if key in fitting}
        chosen = dataset.source(source, **options)
        try:
            for split in chosen.entry["labs"]:
                found |= dict.fromkeys(dataset.stored_folders(chosen, split, size))
        except TooFewFilms as problem:
            if names:
                raise
            say(f"{name}: none. {problem}")
    return list(found)
