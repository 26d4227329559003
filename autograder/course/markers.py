"""What nbgrader looks for in the cells of a lab, and what of a lab's folder must never reach a release."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

# What of a lab's folder must never be copied into a release: nbgrader copies everything that is not named here.
PRIVATE = ("*.py", "hidden", "mutants", "release.toml", "guide.md")

# What nbgrader looks for in solution and graded cells, and what students get in place of an answer.
BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"

BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"

STUB = "raise NotImplementedError"
