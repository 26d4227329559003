"""`python -m warmkernel`: install the kernelspec, and check whether this machine can create sandboxes."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import Annotated

import typer

from . import errors

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        try:
            version = importlib.metadata.version("medxai-course")
        except importlib.metadata.PackageNotFoundError:  # used from a folder, without having been installed
            version = "unknown"
        print(f"warmkernel of medxai-course {version} (Python {sys.version.split()[0]})")
        raise typer.Exit


@app.callback()
def _warmkernel(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Kernels that start warm and run in a sandbox."""


@app.command()
def doctor(
    kernel: Annotated[
        str | None, typer.Option(metavar="NAME", help="Use the settings of this kernelspec; default: warmkernel's own.")
    ] = None,
) -> None:
    """Start a sandboxed kernel step by step, and report each step."""
    from . import doctor as steps

    if status := steps.report(kernel):
        raise typer.Exit(status)


@app.command()
def install(
    user: Annotated[bool, typer.Option("--user", help="For this user.")] = False,
    prefix: Annotated[Path | None, typer.Option(metavar="FOLDER", help="In FOLDER/share/jupyter/kernels.")] = None,
    sys_prefix: Annotated[
        bool, typer.Option("--sys-prefix", help="In this Python's environment (the default).")
    ] = False,
    system: Annotated[bool, typer.Option("--system", help="For all users of this machine.")] = False,
    name: Annotated[str, typer.Option(help="Name of the kernelspec.")] = "warmkernel",
    display_name: Annotated[str | None, typer.Option(metavar="TEXT", help="Name shown in JupyterLab.")] = None,
    package: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A package that notebooks may import; repeatable.")
    ] = None,
    show: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="A file or folder that notebooks may read; repeatable.")
    ] = None,
    preload: Annotated[
        list[str] | None, typer.Option(metavar="MODULE", help="A module to import in advance; repeatable.")
    ] = None,
    environment: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="An environment variable to pass on; repeatable.")
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help='Such as memory="2 GiB"; repeatable.')
    ] = None,
) -> None:
    """Write the kernelspec for Jupyter tools."""
    from . import kernelspec, settings

    if sum((user, prefix is not None, sys_prefix, system)) > 1:
        raise typer.BadParameter("--user, --prefix, --sys-prefix and --system exclude each other")
    limits: dict[str, object] = {}
    for text in limit or ():
        key, _, value = text.partition("=")
        number = value.replace(".", "", 1).isdigit()
        limits[key] = (float(value) if "." in value else int(value)) if number else value
    lists = {"packages": package or [], "show": show or [], "preload": preload or [], "environment": environment or []}
    chosen = settings.read({settings.KEY: {"limits": limits, **lists}})
    where = str(prefix) if prefix else None if user or system else sys.prefix
    try:
        folder = kernelspec.install(chosen, name, display_name or kernelspec.DISPLAY_NAME, user=user, prefix=where)
    except PermissionError as error:
        raise errors.WarmkernelError(
            f"{error.filename}: {error.strerror}. Use --user to install for yourself only."
        ) from error
    print(f"Installed the kernelspec {name} in {folder}")
    print(f"Next: python -m warmkernel doctor --kernel {name}")


@app.command()
def stop() -> None:
    """Stop the process that keeps imports warm between commands."""
    from . import keeper

    print("stopped" if keeper.stop() else "not running")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, hidden=True)
def kernel() -> None:
    """Named in the kernelspec; Jupyter starts kernels with the provisioner instead."""
    raise errors.WarmkernelError(
        "This kernel runs only in a sandbox, which jupyter_client creates with the provisioner warmkernel-provisioner; it "
        "cannot be started by its command. Update jupyter_client (7 or later), then run: python -m warmkernel doctor"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Returns the exit status: 0, 1 if the doctor found a problem, 2 for an error."""
    try:
        app(args=arguments, prog_name="python -m warmkernel")
    except errors.WarmkernelError as error:
        print(error, file=sys.stderr)
        return 2
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("warmkernel"):
            raise
        print(
            f"This command needs packages that are not installed ({missing.name}). Run: pip install 'medxai-course[grader]'",
            file=sys.stderr,
        )
        return 2
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


if __name__ == "__main__":
    sys.exit(main())
