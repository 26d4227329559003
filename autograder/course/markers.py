"""The format of a lab's cells, the marks that nbgrader looks for, and the files that must never be released."""

from __future__ import annotations

import hashlib
import re

# Files in a lab's folder that must never be released: nbgrader copies everything not listed here.
PRIVATE = ("*.py", "hidden", "mutants", "release.toml", "guide.md")

# The marks that nbgrader looks for in solution and graded cells, and the stub that replaces an answer.
BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"

BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"

STUB = "raise NotImplementedError"

HEADING = re.compile(
    r"^### Exercise: `(?P<key>\w+)`\s+\((?P<bonus>bonus, )?(?P<difficulty>easy|medium|hard), (?P<minutes>\d+) minutes?\)$",
    re.MULTILINE,
)
POINTS = re.compile(r"(?<!\s)\s*\((\d+(?:\.\d+)?) points?\)")


class UnpairedMark(ValueError):
    """A mark without its counterpart; `line` counts from 0 in the cell."""

    def __init__(self, line: int, message: str):
        self.line = line
        super().__init__(message)


def stub_of(source: str) -> str:
    """The student's version of a solution cell, as made by nbgrader: each marked region, or the whole cell, becomes the stub.

    Raises
    ------
    UnpairedMark
        If a region begins inside another, or has no end.
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
        raise UnpairedMark(0, f"the solution has no end: write `{END_SOLUTION}` below it.")
    return "\n".join(kept) if BEGIN_SOLUTION in source else STUB


def statement_of(source: str) -> str:
    """The property stated by a graded cell's only comment, without its points."""
    first = next((line for line in source.split("\n") if line.startswith("# ")), "")
    return POINTS.sub("", first.removeprefix("# ")).strip().rstrip(".")


def fixed_seed(cell_id: str) -> int:
    """The seed of a hidden check in stock nbgrader: the same on every machine, different for each graded cell."""
    return int.from_bytes(hashlib.sha256(cell_id.encode()).digest()[:4], "big")
