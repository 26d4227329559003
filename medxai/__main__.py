"""`python -m medxai COMMAND`: the students' command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from data_fetch import command_line
from medxai.lab.submit import submit

app = command_line.program()


@app.callback()
def _medxai(version: command_line.Version = False) -> None:
    """What students need on the command line."""


app.command()(submit)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns the exit status."""
    return command_line.run(app, "python -m medxai", arguments)


if __name__ == "__main__":
    sys.exit(main())
