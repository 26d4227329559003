"""What the commands of data-fetch share: their options, and how they speak."""

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
Cue = Annotated[str | None, typer.Option(help=f"Of cardiomegaly_biased: {', '.join(cues.RECIPES)}.")]
ProfileName = Annotated[str | None, typer.Option("--profile", help="cpu or gpu; by default MEDXAI_PROFILE.")]
Films = Annotated[int | None, typer.Option(help="Of pneumothorax, NIH: how many films in all, half of them positive.")]
Dir = Annotated[pathlib.Path | None, typer.Option("--dir", help="The cache; by default DATA_FETCH_DIR or the user's.")]


def say(line: str) -> None:
    """Print a line as it is, however long, without markup."""
    out.print(line, soft_wrap=True, markup=False)


def use(profile_name: str | None, directory: pathlib.Path | None) -> None:
    """Let --profile and --dir mean what the environment variables mean, for everything that follows."""
    if profile_name is not None:
        os.environ["MEDXAI_PROFILE"] = choose("profile", profile_name, PROFILES, where="--profile")
    if directory is not None:
        os.environ["DATA_FETCH_DIR"] = str(directory)
