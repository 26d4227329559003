"""Options and output shared by the data-fetch commands."""

from __future__ import annotations

import os
import pathlib
from typing import Annotated

import typer
from rich.console import Console

from data_fetch.datasets import cues
from data_fetch.errors import choose
from data_fetch.profiles import PROFILES

out = Console(highlight=False)

Source = Annotated[str | None, typer.Option(help="phantom, nih or mit; by default DATA_FETCH_SOURCE or the profile's.")]
Size = Annotated[int | None, typer.Option(help="Height and width in pixels; by default the profile's.")]
Cue = Annotated[str | None, typer.Option(help=f"For cardiomegaly_biased: {', '.join(cues.RECIPES)}.")]
ProfileName = Annotated[str | None, typer.Option("--profile", help="cpu or gpu; by default MEDXAI_PROFILE.")]
Films = Annotated[int | None, typer.Option(help="For pneumothorax from NIH: total number of films, half positive.")]
Dir = Annotated[pathlib.Path | None, typer.Option("--dir", help="The cache; by default DATA_FETCH_DIR or the user's.")]


def say(line: str) -> None:
    """Print a line unwrapped and without markup."""
    out.print(line, soft_wrap=True, markup=False)


def use(profile_name: str | None, directory: pathlib.Path | None) -> None:
    """Set the environment variables that --profile and --dir stand for."""
    if profile_name is not None:
        os.environ["MEDXAI_PROFILE"] = choose("profile", profile_name, PROFILES, where="--profile")
    if directory is not None:
        os.environ["DATA_FETCH_DIR"] = str(directory)
