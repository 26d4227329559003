"""Defines kinds of attack: a submission, written as a student would hand it in, and the expected result."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.author.lab_source import Lab
from autograder.check.protocol.verdict import Cause
from autograder.course.course import Course
from autograder.notebook.cells import grade_id_of
from autograder.record.records import GRADED
from autograder.remarks import About

LAB = "01_prey"
CELLS = ("centre-1", "centre-2", "longest_run-1", "longest_run-2")
# Points of these cells, in order; None for an ungraded one.
ALL, NOTHING, OPEN = (2.0, 1.0, 2.0, 1.0), (0.0, 0.0, 0.0, 0.0), (None, None, None, None)
SECOND = (0.0, 0.0, 2.0, 1.0)  # only `longest_run`, whose answer is correct in most kinds
Points = tuple[float | None, ...]
# Possible causes for a check whose request is never answered: its own limit, the checker's, or the kernel's.
STOPPED = frozenset({Cause.OUT_OF_TIME, Cause.CHECKER_ENDED, Cause.KERNEL_ENDED})


@dataclass(frozen=True)
class Targets:
    """The targets of attacks outside their submission, all of them monitored.

    Attributes
    ----------
    token : str
        In the name or the environment of every process that a submission starts.
    canary : Path
        A file in the instructor's folder.
    port : int
        A TCP listener on this machine.
    path : Path
        A Unix socket with a listener.
    """

    token: str
    canary: Path
    port: int
    path: Path


@dataclass
class Desk:
    """The workspace for writing one submission: its folder, the lab, and the targets."""

    course: Course
    lab: Lab
    student: str
    targets: Targets

    @property
    def folder(self) -> Path:
        """The submission's folder."""
        return self.course.submitted / self.student / LAB

    @property
    def notebook(self) -> Path:
        """The submitted notebook."""
        return self.folder / f"{LAB}.ipynb"

    def released(self) -> NotebookNode:
        """A fresh copy of the released notebook."""
        return nbformat.read(self.course.notebooks / LAB / f"{LAB}.ipynb", as_version=4)

    def right(self, key: str) -> str:
        """The correct answer to an exercise."""
        return self.lab.exercise(key).reference

    def answered(self, **answers: str) -> NotebookNode:
        """The notebook with correct answers, except for those given."""
        notebook = self.released()
        sources = {e.key: e.reference for e in self.lab.exercises} | answers
        for cell in notebook.cells:
            if grade_id_of(cell) in sources:
                cell.source = sources[grade_id_of(cell)]
        return notebook

    def hand_in(self, notebook: NotebookNode | None = None) -> None:
        """Writes a notebook into the folder; default: one with correct answers."""
        self.write(json.dumps(self.answered() if notebook is None else notebook))

    def write(self, text: str | bytes, name: str = f"{LAB}.ipynb") -> Path:
        """Writes any file into the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        return path

    def fill(self, source: str) -> str:
        """A text with the names of the targets filled in."""
        course, targets = self.course.root, self.targets
        places = {
            "TOKEN": targets.token,
            "CANARY": str(targets.canary),
            "PORT": str(targets.port),
            "SOCKET": str(targets.path),
            "COURSE": str(course),
            "GRADEBOOK": str(self.course.gradebook),
        }
        for name, value in places.items():
            source = source.replace(f"<{name}>", value)
        return source


@dataclass(frozen=True)
class Kind:
    """One kind of attack.

    Attributes
    ----------
    name : str
        Also the student's name, unless `student` is given.
    group : str
        Its group in the list.
    tries : str
        A short description.
    submit : callable
        Writes the submission.
    marks : tuple
        The correct points for its answers, by CELLS.
    exact : bool
        False: a cell may also get fewer points or not be graded, because the attack's progress depends on the machine.
    status : str
    because : set of Cause and About
        If not empty, one of these must be in the record, for a cell or the submission.
    quick : bool
        Whether it is one of the most relevant.
    student : str
    """

    name: str
    group: str
    tries: str
    submit: Callable[[Desk], None] = field(repr=False)
    marks: Points = ALL
    exact: bool = True
    status: str = GRADED
    because: Set[Cause | About] = frozenset()
    quick: bool = False
    student: str = ""

    @property
    def who(self) -> str:
        """The student's name."""
        return self.student or self.name


class Kinds:
    """A list of kinds, filled by decorators and method calls."""

    def __init__(self, group: str):
        self.group = group
        self.known: list[Kind] = []

    def add(self, name: str, tries: str, submit: Callable[[Desk], None], **expected: Any) -> None:
        """Adds a kind."""
        self.known.append(Kind(name, self.group, tries, submit, **expected))

    def kind(
        self, name: str, tries: str, **expected: Any
    ) -> Callable[[Callable[[Desk], None]], Callable[[Desk], None]]:
        """Adds a kind whose submission is written by the decorated function."""

        def adding(submit: Callable[[Desk], None]) -> Callable[[Desk], None]:
            self.add(name, tries, submit, **expected)
            return submit

        return adding

    def answer(self, name: str, tries: str, source: str, **expected: Any) -> None:
        """Adds a submission whose cell `centre` contains this text; the other answer is correct."""

        def submit(desk: Desk) -> None:
            desk.hand_in(desk.answered(centre=desk.fill(source)))

        self.add(name, tries, submit, **{"marks": SECOND, **expected})

    def probe(self, name: str, tries: str, statements: str, **expected: Any) -> None:
        """Adds an answer that is correct only if Python statements succeed: a mark reveals that they did.

        Any exception counts as failure; so does setting `through` to False.
        """
        lines = "\n".join(f"        {line}" for line in statements.strip().splitlines())
        self.answer(
            name,
            tries,
            f"def centre(values):\n    through = True\n    try:\n{lines}\n    except BaseException:\n        through = False\n"
            "    return values - values.mean() if through else values + 1\n",
            **expected,
        )

    def __iter__(self) -> Iterator[Kind]:
        return iter(self.known)
