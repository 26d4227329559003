"""How a cell ended in a kernel, how a check is judged, and how long things may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ran:
    """How a cell ended in a kernel: `error` is "" or what it raised, `value` the text of its last expression's value.

    `late` says that it did not end in time: the text of an error is the student's, who can write anything there.
    """

    error: str = ""
    value: str | None = None
    alive: bool = True
    late: bool = False


@dataclass(frozen=True)
class Policy:
    """How one check cell is judged: outside or inside, `in_place` see `Checker.check` (None: to be found out)."""

    outside: bool = True
    in_place: bool | None = False
    why: str = ""


@dataclass(frozen=True)
class Seconds:
    """Time limits: of a check cell, of any other cell, and of a whole submission, kernels and replays included."""

    check: float = 60.0
    cell: float = 300.0
    total: float = 1800.0


USUAL = Seconds()
