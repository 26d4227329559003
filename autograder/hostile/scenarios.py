"""Attacks on a run as a whole, each with a class or a collection of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Course


@dataclass(frozen=True)
class Scenario:
    """One such attack: `run` gets the released course, and a folder to work in, and gives what it broke."""

    name: str
    tries: str
    run: Callable[[Course, Path], list[str]]
    quick: bool = False


SCENARIOS: tuple[Scenario, ...] = ()
