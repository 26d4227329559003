"""The commands for checkpoints: data-fetch use | pack-checkpoints."""

from __future__ import annotations

import os
import pathlib
from typing import Annotated

import typer

from data_fetch.checkpoints.packing import pack_checkpoints
from data_fetch.cli.console import Dir, say
from data_fetch.store.registry import CLASS_REGISTRY, VARIABLE
from data_fetch.store.registry import use as take_over


def use(
    address: Annotated[str, typer.Argument(help="URL or path of a registry.toml written by pack-checkpoints.")],
    directory: Dir = None,
) -> None:
    """Use the registry of a class: its checkpoints are then loaded by name and downloaded on first use."""
    path, names = take_over(address, directory)
    say(f"{path}: {', '.join(names)}")
    if named := os.environ.get(VARIABLE, "").strip():
        say(f"Not in use yet: {VARIABLE} is set to {named}. Unset it.")
    say(f"To download now instead of on first use: data-fetch get {names[0]}")


def pack(
    target: Annotated[pathlib.Path, typer.Argument(help="Output folder, to be uploaded unchanged.")],
    url: Annotated[str, typer.Option(help="The base URL under which the files will be published.")],
    names: Annotated[list[str] | None, typer.Argument(help="Checkpoints; by default all made on this machine.")] = None,
    source: Annotated[
        pathlib.Path | None, typer.Option("--from", help="Folder with NAME.h5 and NAME.toml; by default the cache.")
    ] = None,
    directory: Dir = None,
) -> None:
    """Write your trained checkpoints, their cards and a registry, ready for a release page."""
    for path in pack_checkpoints(target, url, names or (), source, directory):
        say(f"{path.stat().st_size:>13,} bytes  {path}")
    say(f"Upload these files to {url}")
    say(f"Students then run: data-fetch use {url.rstrip('/')}/{CLASS_REGISTRY}")


def add_to(app: typer.Typer) -> None:
    """Add these commands to a command line."""
    app.command("use")(use)
    app.command("pack-checkpoints")(pack)
