"""`python -m warmkernel`: install the kernelspec, and check whether this machine can create sandboxes."""

from __future__ import annotations

import argparse
import sys

from . import errors


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Returns the exit status: 0, 1 if the doctor found a problem, 2 for an error."""
    parser = argparse.ArgumentParser(prog="python -m warmkernel", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    doctor = commands.add_parser("doctor", help="start a sandboxed kernel step by step, and report each step")
    doctor.add_argument(
        "--kernel", metavar="NAME", help="use the settings of this kernelspec (default: warmkernel's own)"
    )
    install = commands.add_parser("install", help="write the kernelspec for Jupyter tools")
    where = install.add_mutually_exclusive_group()
    where.add_argument("--user", action="store_true", help="for this user")
    where.add_argument("--prefix", metavar="FOLDER", help="in FOLDER/share/jupyter/kernels")
    where.add_argument("--sys-prefix", action="store_true", help="in this Python's environment (the default)")
    where.add_argument("--system", action="store_true", help="for all users of this machine")
    install.add_argument("--name", default="warmkernel", help="name of the kernelspec (default: warmkernel)")
    install.add_argument("--display-name", metavar="TEXT", help="name shown in JupyterLab")
    install.add_argument(
        "--package", action="append", default=[], metavar="NAME", help="a package that notebooks may import"
    )
    install.add_argument(
        "--show", action="append", default=[], metavar="PATH", help="a file or folder that notebooks may read"
    )
    install.add_argument(
        "--preload", action="append", default=[], metavar="MODULE", help="a module to import in advance"
    )
    install.add_argument(
        "--environment", action="append", default=[], metavar="NAME", help="an environment variable to pass on"
    )
    install.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE", help='such as memory="2 GiB"')
    commands.add_parser("stop", help="stop the process that keeps imports warm between commands")
    commands.add_parser("kernel", help="(named in the kernelspec; Jupyter starts kernels with the provisioner instead)")
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

    print("stopped" if keeper.stop() else "not running")
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
            f"{error.filename}: {error.strerror}. Use --user to install for yourself only."
        ) from error
    print(f"Installed the kernelspec {given.name} in {folder}")
    print(f"Next: python -m warmkernel doctor --kernel {given.name}")
    return 0


def _kernel(given: argparse.Namespace) -> int:
    print(
        "This kernel runs only in a sandbox, which jupyter_client creates with the provisioner warmkernel-provisioner; it "
        "cannot be started by its command. Update jupyter_client (7 or later), then run: python -m warmkernel doctor",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
