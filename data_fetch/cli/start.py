"""Starts `data-fetch`, or says what to install if the packages of the labs are missing."""

from __future__ import annotations

import sys

from data_fetch import command_line
from data_fetch.version import DISTRIBUTION, __version__


def main() -> None:
    """Entry point."""
    try:
        from data_fetch.cli.main import main as run

        run()  # a command may import more
    except ModuleNotFoundError as missing:
        if sys.argv[1:] == ["--version"]:
            print(f"{DISTRIBUTION} {__version__}, without the packages of the labs")
            return
        sys.exit(command_line.without("labs", missing))
