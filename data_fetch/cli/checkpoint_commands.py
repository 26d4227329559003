"""The commands about checkpoints: data-fetch use | pack-checkpoints."""

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
    address: Annotated[str, typer.Argument(help="Address or path of a registry.toml that pack-checkpoints wrote.")],
    directory: Dir = None,
) -> None:
    """Take over the registry of a class: its checkpoints are then loaded by name, and downloaded when first needed."""
    path, names = take_over(address, directory)
    say(f"{path}: {', '.join(names)}")
    if named := os.environ.get(VARIABLE, "").strip():
        say(f"Not in use yet: {VARIABLE} names {named}. Unset it.")
    say(f"Fetch now, or when a notebook asks for it: data-fetch get {names[0]}")


def pack(
    target: Annotated[pathlib.Path, typer.Argument(help="Folder to write, to be uploaded as it is.")],
    url: Annotated[str, typer.Option(help="The address below which the files will be found.")],
    names: Annotated[list[str] | None, typer.Argument(help="Checkpoints; by default all that were made here.")] = None,
    source: Annotated[
        pathlib.Path | None, typer.Option("--from", help="Where NAME.h5 and NAME.toml lie; by default in the cache.")
    ] = None,
    directory: Dir = None,
) -> None:
    """Write your trained checkpoints, their cards and a registry, ready for a release page."""
    for path in pack_checkpoints(target, url, names or (), source, directory):
        say(f"{path.stat().st_size:>13,} bytes  {path}")
    say(f"Upload these files so that they are found below {url}")
    say(f"Students then type: data-fetch use {url.rstrip('/')}/{CLASS_REGISTRY}")


def add_to(app: typer.Typer) -> None:
    """Give a command line these commands."""
    app.command("use")(use)
    app.command("pack-checkpoints")(pack)
