"""Commands for preparing a class or the course: data-fetch mirror | cards."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from data_fetch.checkpoints.checkpoint_files import MADE, checkpoint_folder
from data_fetch.cli.console import Cue, Dir, Films, ProfileName, Size, Source, say, use
from data_fetch.cli.getting import fetch_parts, stored_paths
from data_fetch.profiles import profile
from data_fetch.sources.nih.origin import find_origin, keep_manifest
from data_fetch.store import cache
from data_fetch.store.housekeeping import folder_size, human
from data_fetch.store.mirror import write_mirror, write_mirror_file


def mirror(
    target: Annotated[pathlib.Path, typer.Argument(help="Output folder, to be served or shared.")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Data sets and files; by default everything for the profile.")
    ] = None,
    source: Source = None,
    size: Size = None,
    directory: Dir = None,
    cue: Cue = None,
    films: Films = None,
    profile_name: ProfileName = None,
) -> None:
    """Write a folder that other machines use as DATA_FETCH_MIRROR, without rendering or external downloads."""
    use(profile_name, directory)
    if names or any((source, size, cue, films)):
        found, well = stored_paths(names or [], source, size, say, cue=cue, films=films), True
    else:
        found, well = fetch_parts(profile(), cache.cache_folder(), say, quiet=True)
    for path in sorted(found):
        if path.parent == checkpoint_folder():
            continue  # comes with the course
        if path.parent.name == MADE:
            say(f"not mirrored: {path.name} was made on this machine; to share it: data-fetch pack-checkpoints")
            continue
        if path.is_dir() and "-nih-" in path.name:
            keep_manifest(find_origin(cache.cache_folder()), target)
        copied = write_mirror(path, target) if path.is_dir() else write_mirror_file(path, target)
        say(f"{'written' if copied else 'already there'}: {path.name} ({human(folder_size(path))})")
    shown = target.absolute()
    say(f"On the other machines: DATA_FETCH_MIRROR={shown}")
    say(f"or over HTTP: python -m http.server --directory {shown}, and DATA_FETCH_MIRROR set to its URL")
    if not well:
        raise typer.Exit(1)


def cards(
    folder: Annotated[pathlib.Path, typer.Argument(help="Output folder for the pages; docs/data in the repository.")],
    sheets: Annotated[bool, typer.Option(help="Also draw the phantom sheets.")] = True,
) -> None:
    """Write a page for each data set from the registry, with a phantom sheet."""
    from data_fetch.datasets.data_cards import write  # draws, so it imports the renderer

    for path in write(folder, sheets):
        say(f"{path.stat().st_size:>9,} bytes  {path}")


def add_to(app: typer.Typer) -> None:
    """Add these commands to a command line."""
    app.command("mirror")(mirror)
    app.command("cards")(cards)
