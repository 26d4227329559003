"""What ``data-fetch get`` and ``data-fetch mirror`` fetch: one data set, or everything that the labs of a profile ask for."""

from __future__ import annotations

import functools
import os
import pathlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from data_fetch.checkpoints.checkpoint_files import checkpoint, is_to_be_had
from data_fetch.datasets import cardiomegaly, cardiomegaly_biased, pneumothorax
from data_fetch.datasets.fetching import choose_source
from data_fetch.datasets.imageset import ImageSet
from data_fetch.errors import DataFetchError, TooFewFilms, choose
from data_fetch.profiles import Profile
from data_fetch.store.files import fetch_file
from data_fetch.store.registry import checkpoints, data_set, registry

FETCH: dict[str, Callable[..., ImageSet]] = {
    "cardiomegaly": cardiomegaly.fetch_cardiomegaly,
    "cardiomegaly_biased": cardiomegaly_biased.fetch_cardiomegaly_biased,
    "pneumothorax": pneumothorax.fetch_pneumothorax,
}
# The stored sets that a split of a data set needs.
STORED: dict[str, Callable[..., list[pathlib.Path]]] = {
    "cardiomegaly": lambda *given, **options: [cardiomegaly.stored_folder(*given, **options)],
    "cardiomegaly_biased": cardiomegaly_biased.stored_folders,
    "pneumothorax": lambda *given, **options: [pneumothorax.stored_folder(*given, **options)],
}

Folder = str | os.PathLike[str] | None


def given_options(name: str, source: str, **given: object) -> dict[str, object]:
    """The options that were given, refused where this source of the data set has none of the name."""
    known = data_set(name)["sources"][source].get("options", [])
    options = {key: value for key, value in given.items() if value is not None}
    for key in options:
        if key not in known:
            raise DataFetchError(
                f"{name} from {source} has no option --{key}.",
                expected=", ".join(f"--{one}" for one in known) or "none of its own",
                next="leave it out",
            )
    return options


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
        FETCH[name](source=source, split=split, size=size, cache_dir=folder)  # refuses a split that lacks a class
        return STORED[name](source, split, size, folder)

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


def fetch_parts(profile: Profile, folder: Folder, say: Callable[[str], None]) -> tuple[list[pathlib.Path], bool]:
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
    names: list[str], source: str | None, size: int | None, say: Callable[[str], None], **given: object
) -> list[pathlib.Path]:
    """The stored sets of the named data sets (of all, where none is named), the named single files and checkpoints."""
    found: dict[pathlib.Path, None] = {}
    for name in names or FETCH:
        if choose("data set", name, [*FETCH, *registry()["files"], *checkpoints()]) not in FETCH:
            single = name in registry()["files"]
            found |= dict.fromkeys([fetch_file(name)] if single else _checkpoint(name, None))
            continue
        if not names and source not in (None, *data_set(name)["sources"]):
            continue
        chosen = choose_source(name, source)
        known = data_set(name)["sources"][chosen]
        options = given_options(name, chosen, **given) if names else given
        options = {
            key: value for key, value in options.items() if value is not None and key in known.get("options", [])
        }
        try:
            for split in known["labs"]:
                found |= dict.fromkeys(STORED[name](chosen, split, size, None, **options))
        except TooFewFilms as problem:
            if names:
                raise
            say(f"{name}: none. {problem}")
    return list(found)
