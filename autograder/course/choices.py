"""`course.toml`: which labs and exercises an instructor offers, and what they count, without editing sources.

    labs = ["01", "03"]                 # the labs of this course; default: all

    [weights]                           # percent of the course's total; together 100
    01 = 60
    03 = 40

    [lab.01]
    drop = ["class_weights", "flips"]   # exercises and written answers to leave out
    total = 25                          # optional: what the points must add up to

    [lab.01.points]
    preprocess = 8                      # an exercise: its checks share the points in their old proportions
    bootstrap_interval-2 = 3            # a single check

This module reads the file and rejects what can be rejected without the labs' sources; `author/chosen.py` applies it to a lab.
"""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.errors import AutograderError

NAME = "course.toml"
MOST = 1_000  # points or percent


class ChoiceError(AutograderError):
    """course.toml contains something that does not add up: what, where, and how to fix it."""

    def __init__(self, where: str, message: str):
        super().__init__(f"{NAME}{f', {where}' if where else ''}: {message}")


@dataclass(frozen=True)
class LabChoice:
    """What course.toml says about one lab.

    Attributes
    ----------
    where : str
        The table in course.toml, for messages.
    drop : tuple of str
        Keys of exercises and written answers that are left out.
    points : dict
        Key of an exercise, a check (KEY-n) or a written answer -> points.
    total : float or None
        The required sum of the lab's points.
    weight : float or None
        Percent of the course's total; None if course.toml has no weights.
    """

    where: str = ""
    drop: tuple[str, ...] = ()
    points: Mapping[str, float] = field(default_factory=dict)
    total: float | None = None
    weight: float | None = None

    @property
    def changes_exercises(self) -> bool:
        """Whether the lab differs from its sources."""
        return bool(self.drop or self.points)

    def text(self) -> str:
        """A canonical text of everything that changes the lab; "" if nothing does."""
        if not self.changes_exercises:
            return ""
        return json.dumps([sorted(self.drop), sorted(self.points.items())])


@dataclass(frozen=True)
class Choices:
    """The content of course.toml; the default is a course without that file.

    Attributes
    ----------
    labs : tuple of str or None
        Folder names of the labs offered, in order; None for all.
    chosen : dict
        Folder name of a lab -> LabChoice, for labs that course.toml mentions.
    """

    labs: tuple[str, ...] | None = None
    chosen: Mapping[str, LabChoice] = field(default_factory=dict)

    def of(self, lab: str) -> LabChoice:
        """The choice for the lab with this folder name."""
        return self.chosen.get(lab, LabChoice())

    def weights(self) -> dict[str, float]:
        """Folder name of a lab -> percent of the course's total; empty if course.toml has no weights."""
        return {name: choice.weight for name, choice in self.chosen.items() if choice.weight is not None}


def read(root: Path, labs: Sequence[str]) -> Choices:
    """Reads course.toml in the course's folder.

    Parameters
    ----------
    root : Path
        The course's folder; without course.toml in it nothing is changed.
    labs : sequence of str
        The folder names of all labs that have sources.

    Raises
    ------
    ChoiceError
        If the file is unreadable, mentions a lab that does not exist or is not offered, or its weights do not add up to 100.
    """
    path = root / NAME
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return Choices()
    except UnicodeDecodeError as e:
        raise ChoiceError("", f"not valid UTF-8 ({e.reason} at byte {e.start}). Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as e:
        raise ChoiceError("", f"invalid TOML: {e}. docs/instructors.md has an example.") from None
    except OSError as e:
        raise ChoiceError("", f"cannot be read: {e.strerror}.") from None
    except (ValueError, RecursionError) as e:  # a number of thousands of digits, or deep nesting
        raise ChoiceError("", f"cannot be read ({type(e).__name__}). docs/instructors.md has an example.") from None
    _known("", found, ("labs", "weights", "lab"), "entry")
    offered = _labs(found.get("labs"), labs)
    weights = _weights(found.get("weights"), offered, labs)
    chosen = {name: LabChoice(weight=weight) for name, weight in weights.items()}
    for key, table in _table("lab", found.get("lab", {})).items():
        where = f"[lab.{key}]"
        name = _lab(where, key, labs)
        if name not in offered:
            raise ChoiceError(
                where, f"{name} is not among `labs`, so this table has no effect. Remove one or add the other."
            )
        if name in chosen and chosen[name].where:
            raise ChoiceError(where, f"{chosen[name].where} already describes {name}. Keep one of them.")
        chosen[name] = _lab_choice(where, table, chosen.get(name, LabChoice()).weight)
    return Choices(offered if "labs" in found else None, chosen)


def _labs(given: Any, labs: Sequence[str]) -> tuple[str, ...]:
    if given is None:
        return tuple(labs)
    names = [_lab("labs", name, labs) for name in _texts("labs", given)]
    _once("labs", names)
    if not names:
        raise ChoiceError("labs", "the list is empty. Name at least one lab, or remove the line to offer all.")
    return tuple(name for name in labs if name in names)


def _weights(given: Any, offered: Sequence[str], labs: Sequence[str]) -> dict[str, float]:
    if given is None:
        return {}
    found: dict[str, float] = {}
    for key, value in _table("weights", given).items():
        name = _lab("[weights]", key, labs)
        if name not in offered:
            raise ChoiceError("[weights]", f"{name} is not among `labs`. Remove its weight, or add the lab.")
        if name in found:
            raise ChoiceError("[weights]", f"{name} has two weights. Keep one.")
        found[name] = _number("[weights]", key, value)
    missing = [name for name in offered if name not in found]
    if missing:
        raise ChoiceError("[weights]", f"no weight for {', '.join(missing)}. Write 0 for a lab that does not count.")
    total = math.fsum(found.values())
    if not math.isclose(total, 100, abs_tol=1e-6):
        raise ChoiceError("[weights]", f"expected weights that add up to 100 percent, got {total:g}.")
    return found


def _lab_choice(where: str, table: Any, weight: float | None) -> LabChoice:
    table = _table(where, table)
    _known(where, table, ("drop", "points", "total"), "entry")
    drop = tuple(_texts(f"{where} drop", table.get("drop", [])))
    _once(f"{where} drop", drop)
    points = {
        key: _number(f"{where} points", key, value)
        for key, value in _table(f"{where} points", table.get("points", {})).items()
    }
    total = None if "total" not in table else _number(where, "total", table["total"])
    return LabChoice(where, drop, points, total, weight)


def _lab(where: str, given: str, labs: Sequence[str]) -> str:
    """The folder name of a lab given by number, topic or folder name."""
    for name in labs:
        number, topic = name.split("_", 1)
        if given in (name, number, topic) or (given.isdecimal() and int(given) == int(number)):
            return name
    raise ChoiceError(where, f"there is no lab {given!r}.{near(given, labs)} Labs: {', '.join(labs) or 'none'}.")


def near(given: str, known: Iterable[str]) -> str:
    """ " Did you mean ...?", or "" if no known name is similar."""
    found = difflib.get_close_matches(given, list(known), n=2, cutoff=0.5)
    return f" Did you mean {' or '.join(found)}?" if found else ""


def _known(where: str, table: Mapping[str, Any], names: Sequence[str], what: str) -> None:
    for key in table:
        if key not in names:
            raise ChoiceError(where, f"unknown {what} `{key}`.{near(key, names)} Expected: {', '.join(names)}.")


def _table(where: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ChoiceError(where, f"expected a table, got {given!r}.")
    return given


def _texts(where: str, given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise ChoiceError(where, f'expected a list of names in quotation marks, such as ["01"], got {given!r}.')
    return given


def _once(where: str, names: Sequence[str]) -> None:
    for name in names:
        if list(names).count(name) > 1:
            raise ChoiceError(where, f"{name} appears more than once.")


def _number(where: str, key: str, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or given != given or given < 0:
        raise ChoiceError(where, f"`{key}`: expected a number, 0 or more, got {given!r}.")
    if given > MOST:
        raise ChoiceError(where, f"`{key}`: expected at most {MOST:,}.")
    if round(given, 2) != given:
        raise ChoiceError(where, f"`{key}`: expected at most two decimals, got {given!r}.")
    return given
