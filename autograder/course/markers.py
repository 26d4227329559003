"""What a lab's cells look like by its contract, what nbgrader looks for in them, and what must never reach a release."""

from __future__ import annotations

import hashlib
import re

# What of a lab's folder must never be copied into a release: nbgrader copies everything that is not named here.
PRIVATE = ("*.py", "hidden", "mutants", "release.toml", "guide.md")

# What nbgrader looks for in solution and graded cells, and what students get in place of an answer.
BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"

BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"

STUB = "raise NotImplementedError"

HEADING = re.compile(
    r"^### Exercise: `(?P<key>\w+)`\s+\((?P<bonus>bonus, )?(?P<difficulty>easy|medium|hard), (?P<minutes>\d+) minutes?\)$",
    re.MULTILINE,
)
POINTS = re.compile(r"\s*\((\d+(?:\.\d+)?) points?\)")


class UnpairedMark(ValueError):
    """A mark without its partner; `line` counts from 0 in the cell."""

    def __init__(self, line: int, message: str):
        self.line = line
        super().__init__(message)


def stub_of(source: str) -> str:
    """What students get of a solution cell, as nbgrader makes it: each marked region, or all of it, replaced by the stub.

    Raises
    ------
    UnpairedMark
        If a region begins inside another, or does not end.
    """
    kept, inside = [], False
    lines = source.split("\n")
    for number, line in enumerate(lines):
        if BEGIN_SOLUTION in line:
            if inside:
                raise UnpairedMark(number, f"`{BEGIN_SOLUTION}` inside a solution: write `{END_SOLUTION}` first.")
            inside = True
            kept.append(line[: len(line) - len(line.lstrip())] + STUB)
        elif END_SOLUTION in line:
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise UnpairedMark(0, f"the solution does not end: write `{END_SOLUTION}` below it.")
    return "\n".join(kept) if BEGIN_SOLUTION in source else STUB


def statement_of(source: str) -> str:
    """The property that a graded cell's one comment names, without its points."""
    first = next((line for line in source.split("\n") if line.startswith("# ")), "")
    return POINTS.sub("", first.removeprefix("# ")).strip().rstrip(".")


def fixed_seed(cell_id: str) -> int:
    """The seed of a hidden check in stock nbgrader: the same on every machine, another for each graded cell."""
    return int.from_bytes(hashlib.sha256(cell_id.encode()).digest()[:4], "big")
