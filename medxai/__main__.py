"""`python -m medxai COMMAND`: the students' command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence


def _submit(arguments: Sequence[str]) -> int:
    from medxai.lab.submit import main

    return main(arguments)


COMMANDS: dict[str, tuple[Callable[[Sequence[str]], int], str]] = {
    "submit": (
        _submit,
        "pack a lab's notebooks into one file to hand in: python -m medxai submit 01 --student YOUR-NAME",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in COMMANDS:
        return COMMANDS[given[0]][0](given[1:])
    asked = given[:1] in ([], ["-h"], ["--help"])
    out = sys.stdout if asked else sys.stderr
    if not asked:
        print(f"Unknown command: {given[0]!r}.", file=out)
    print("Usage: python -m medxai COMMAND", file=out)
    for name, (_, text) in COMMANDS.items():
        print(f"  {name:8} {text}", file=out)
    return 0 if asked else 2


if __name__ == "__main__":
    sys.exit(main())
