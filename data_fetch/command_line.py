"""What the command lines of all packages have in common: `--version`, and programs with a single command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Any

import typer

from data_fetch.version import DISTRIBUTION, __version__


def _show(wanted: bool) -> None:
    if wanted:
        print(f"{DISTRIBUTION} {__version__} (Python {sys.version.split()[0]})")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_show, is_eager=True, help="Show the version and exit.")]


def one_of(values: Collection[str]) -> Callable[[Any], Any]:
    """The callback of an option or argument that accepts only these values, or nothing."""

    def verified(given: Any) -> Any:
        for one in given if isinstance(given, (list, tuple)) else [given]:
            if one is not None and one not in values:
                raise typer.BadParameter(f"expected one of {', '.join(values)}, got {one!r}")
        return given

    return verified


def program(**settings: Any) -> typer.Typer:
    """A typer application with the settings of all our programs; `settings` are added."""
    common = {"no_args_is_help": True, "add_completion": False, "pretty_exceptions_enable": False}
    return typer.Typer(**(common | settings))


def run(app: typer.Typer, name: str, arguments: Sequence[str] | None = None) -> int:
    """Runs an application and returns its exit status.

    Parameters
    ----------
    app : Typer
    name : str
        What the user typed to start it, for the help text.
    arguments : sequence of str, optional
        Default: those of this process.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name=name)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


def without(extra: str, missing: ModuleNotFoundError) -> str:
    """The message of a command whose packages are not installed; re-raises an error that has another cause."""
    package = (missing.name or "").partition(".")[0]
    if package in ("", "autograder", "data_fetch", "medxai", "warmkernel"):
        raise missing
    return f"This command needs packages that are not installed ({package}). Run: pip install '{DISTRIBUTION}[{extra}]'"


def single(function: Callable[..., Any], name: str, arguments: Sequence[str] | None = None) -> int:
    """Runs a program that is one function, whose parameters are its options, and returns its exit status."""
    app = program(no_args_is_help=False)
    app.command()(function)
    return run(app, name, arguments)
