"""What ``data-fetch get`` and ``data-fetch mirror`` fetch: one data set, or everything that the labs of a profile need."""

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
    """One item that a profile needs: a title to display, and a function that fetches it into a cache folder.

    Items of one `group` fail together: if a source does not answer, its other splits are not tried.
    """

    title: str
    group: str
    fetch: Callable[[Folder], list[pathlib.Path]]


def parts_of(profile: Profile) -> Iterator[Part]:
    """Everything that the labs of a profile need: stored sets, single files, checkpoints."""
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
    """Parts of the course that `--all` does not fetch, each with the reason."""
    in_a_profile = {entry.get("file") for entries in registry()["profiles"].values() for entry in entries}
    reasons = {
        f"file {name}": f"only on request (data-fetch get {name}); licence: {file['licence']}"
        for name, file in registry()["files"].items()
        if name not in in_a_profile
    }
    for name, entry in checkpoints().items():
        if entry["profile"] == profile.name and not is_to_be_had(name):
            reasons[f"checkpoint {name}"] = f"not published; create it with `{entry['command']}`"
    return reasons


def fetch_parts(
    profile: Profile, folder: Folder, say: Callable[[str], None], quiet: bool = False
) -> tuple[list[pathlib.Path], bool]:
    """Fetch everything for a profile; a failure of one item does not stop the others.

    Parameters
    ----------
    say : function of a line
        Called with what was fetched, and at the end with what was not and why.

    Returns
    -------
    list of Path, bool
        Paths of the items, and whether all succeeded. Splits for which a mirror has too few films and items fetched only
        on request are listed but do not count as failures.
    """
    found: dict[pathlib.Path, None] = {}
    missing = left_out(profile)
    failed: dict[str, str] = {}
    broken: set[str] = set()
    for part in parts_of(profile):
        if part.group in broken:
            failed[part.title] = "skipped, for the reason above"
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
                say(f"ready:   {part.title}")
    if missing:
        say("\nNot fetched (not a failure):")
        for title, reason in missing.items():
            say(f"- {title}: {reason}")
    if failed:
        say("\nFailed:")
        for title, reason in failed.items():
            say(f"- {title}: {reason}")
        say("\nCompleted items are kept. Next: run the same command again")
    return list(found), not failed


def stored_paths(
    names: list[str], source: str | None, size: int | None, say: Callable[[str], None], **given: Any
) -> list[pathlib.Path]:
    """The stored sets of the named data sets (all if none is named), and the named single files and checkpoints."""
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
        if not names:  # drop options that apply to other data sets only
            fitting = dataset.source(source).entry.get("options", ())
            options = {key: value for key, value in given.items() if key in fitting}
        chosen = dataset.source(source, **options)
        try:
            for split in chosen.entry["labs"]:
                found |= dict.fromkeys(dataset.stored_folders(chosen, split, size))
        except TooFewFilms as problem:
            if names:
                raise
            say(f"{name}: skipped. {problem}")
    return list(found)
