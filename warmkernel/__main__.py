"""`python -m warmkernel`: install the kernelspec, and find out whether this machine can make sandboxes."""

from __future__ import annotations

import argparse
import sys

from . import errors


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status: 0, 1 when the doctor found something, 2 for an error."""
    parser = argparse.ArgumentParser(prog="python -m warmkernel", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    doctor = commands.add_parser("doctor", help="walk the whole way to a kernel once, and say what is in it")
    doctor.add_argument(
        "--kernel", metavar="NAME", help="with the settings of this kernelspec (default: warmkernel's own)"
    )
    install = commands.add_parser("install", help="write the kernelspec that Jupyter tools name")
    where = install.add_mutually_exclusive_group()
    where.add_argument("--user", action="store_true", help="for this user")
    where.add_argument("--prefix", metavar="FOLDER", help="below FOLDER/share/jupyter/kernels")
    where.add_argument("--sys-prefix", action="store_true", help="in this Python's environment (the default)")
    where.add_argument("--system", action="store_true", help="for all users of this machine")
    install.add_argument("--name", default="warmkernel", help="of the kernelspec (default: warmkernel)")
    install.add_argument("--display-name", metavar="TEXT", help="what JupyterLab shows")
    install.add_argument(
        "--package", action="append", default=[], metavar="NAME", help="a package that notebooks may import"
    )
    install.add_argument(
        "--show", action="append", default=[], metavar="PATH", help="a file or folder that they may read"
    )
    install.add_argument(
        "--preload", action="append", default=[], metavar="MODULE", help="a module that is imported already"
    )
    install.add_argument(
        "--environment", action="append", default=[], metavar="NAME", help="a variable that is passed on"
    )
    install.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE", help='such as memory="2 GiB"')
    commands.add_parser("stop", help="end the process that keeps imports warm between commands")
    commands.add_parser("kernel", help="(what the kernelspec names; Jupyter starts kernels by the provisioner instead)")
    given, rest = parser.parse_known_args(arguments)
    if rest and given.command != "kernel":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return {"doctor": _doctor, "install": _install, "stop": _stop, "kernel": _kernel}[given.command](given)
    except errors.WarmkernelError as error:
        print(error, file=sys.stderr)
        return 2


def _doctor(given: argparse.Namespace) -> int:
    from . import doctor

    return doctor.report(given.kernel)


def _stop(given: argparse.Namespace) -> int:
    from . import keeper

    print("stopped" if keeper.stop() else "there was none")
    return 0


def _install(given: argparse.Namespace) -> int:
    from . import kernelspec, settings

    limits: dict[str, object] = {}
    for text in given.limit:
        name, _, value = text.partition("=")
        number = value.replace(".", "", 1).isdigit()
        limits[name] = (float(value) if "." in value else int(value)) if number else value
    lists = {"packages": given.package, "show": given.show, "preload": given.preload, "environment": given.environment}
    chosen = settings.read({settings.KEY: {"limits": limits, **lists}})
    prefix = given.prefix or (None if given.user or given.system else sys.prefix)
    try:
        folder = kernelspec.install(
            chosen, given.name, given.display_name or kernelspec.DISPLAY_NAME, user=given.user, prefix=prefix
        )
    except PermissionError as error:
        raise errors.WarmkernelError(
            f"{error.filename}: {error.strerror}. Add --user to install for yourself."
        ) from error
    print(f"Installed the kernelspec {given.name} in {folder}")
    print(f"Next: python -m warmkernel doctor --kernel {given.name}")
    return 0


def _kernel(given: argparse.Namespace) -> int:
    print(
        "This kernel runs in a sandbox only, which the provisioner warmkernel-provisioner of jupyter_client makes; it is "
        "not started by its command. Update jupyter_client (7 or later), then: python -m warmkernel doctor",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
