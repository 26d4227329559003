"""The calibration of an assignment's checks: done once per version, before anything is graded, and kept.

A reference solution that loses points is the instructor's mistake, and stops the grading. Labs that follow this project's
rules are not calibrated: `autograder prove` has tested them more thoroughly.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.check.protocol.verdict import Finding
from autograder.errors import AutograderError
from autograder.notebook import code_cells, syntax
from autograder.notebook.code_cells import CHECK, CodeCell
from autograder.record.sentences import message
from autograder.run.calibration import Calibration, calibrate
from autograder.run.results import Difference, Policy, Seconds
from data_fetch.store.atomic import write_atomically

if TYPE_CHECKING:
    from autograder.check.runner.servers import Server
    from autograder.run.assignment import Assignment
    from autograder.run.walk import Kernel


@dataclass
class Calibrated:
    """The calibrations of an assignment's notebooks, by stem; `whole` names those in which every cell must run."""

    notebooks: dict[str, Calibration] = field(default_factory=dict)
    whole: list[str] = field(default_factory=list)

    def policies(self, stem: str) -> dict[str, Policy]:
        """How each check cell of a notebook is run."""
        return self.notebooks[stem].policies

    def full(self, stem: str) -> bool:
        """Whether marks depend on cells in ways that the names used do not show, so that no cell may be skipped."""
        return stem in self.whole

    @property
    def inside(self) -> dict[tuple[str, str], Difference]:
        """The cells that are not tamper-proof, as (notebook, cell), with the reason."""
        return {(stem, id): why for stem, found in self.notebooks.items() for id, why in found.inside.items()}

    def problems(self) -> list[str]:
        """Messages for the instructor."""
        return [f"{stem}, {problem}" for stem, found in self.notebooks.items() for problem in found.problems()]

    def to_json(self) -> str:
        """As text; `from_json` reads it."""
        notebooks = {stem: found.to_json() for stem, found in self.notebooks.items()}
        return json.dumps({"notebooks": notebooks, "whole": self.whole}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Calibrated:
        """The inverse of `to_json`. ValueError or TypeError for other data."""
        raw: dict[str, Any] = json.loads(text)
        notebooks = {stem: Calibration.from_json(found) for stem, found in raw["notebooks"].items()}
        return cls(notebooks, list(raw["whole"]))


def path_of(state: Path, assignment: Assignment) -> Path:
    """Where the calibration of a version is kept; a change of the assignment or of our rules invalidates it."""
    return state / "calibrations" / f"{assignment.name}-{assignment.digest[:16]}-{_rules()}.json"


def known(state: Path, assignment: Assignment) -> Calibrated | None:
    """The kept calibration, None if there is none."""
    try:
        return Calibrated.from_json(path_of(state, assignment).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def keep(state: Path, assignment: Assignment, found: Calibrated) -> None:
    """Saves a calibration."""
    path = path_of(state, assignment)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, found.to_json())


def by_contract(assignment: Assignment) -> Calibrated:
    """The calibration of a lab tested by `autograder prove`: every check is run outside."""
    return Calibrated(
        {
            stem: Calibration({cell.id: Policy() for cell in assignment.cells(stem) if cell.kind == CHECK})
            for stem in assignment.instructor
        }
    )


def find_out(
    assignment: Assignment,
    server: Callable[[str, list[CodeCell]], Server],
    kernel: Callable[[Path], AbstractContextManager[Kernel]],
    seconds: Seconds,
    scratch: Path,
    tell: Callable[[str], None] = lambda _: None,
) -> Calibrated:
    """Calibrates every check of an assignment.

    Parameters
    ----------
    assignment : Assignment
    server : callable
        Starts a checker with a notebook's cells.
    kernel : callable
        Starts a kernel in a working folder.
    seconds : Seconds
    scratch : Path
        Parent of working folders.
    tell : callable, optional
        Called with the notebook being calibrated.

    Raises
    ------
    AutograderError
        If a reference solution loses points; the message lists the checks and their messages.
    """
    found = Calibrated()
    for stem in assignment.instructor:
        everything = assignment.cells(stem)
        if not any(cell.kind == CHECK for cell in everything):
            found.notebooks[stem] = Calibration()
            continue
        tell(stem)
        with _working_folder(assignment.files, scratch) as folder:
            for whole in (False, True):
                cells = everything if whole else code_cells.for_marks(everything)
                with server(stem, cells) as checker:
                    tried = calibrate(cells, checker, partial(kernel, folder), seconds=seconds, whole=whole)
                if not tried.wrong_reference or len(cells) == len(everything):
                    break
        found.notebooks[stem] = tried
        found.whole += [stem] if whole else []
    wrong = {(stem, id): finding for stem, c in found.notebooks.items() for id, finding in c.wrong_reference.items()}
    if wrong:
        raise wrong_reference(assignment, wrong)
    return found


def wrong_reference(assignment: Assignment, wrong: Mapping[tuple[str, str], Finding]) -> AutograderError:
    """The error for a reference solution that loses points, with what was found by (notebook, check)."""
    return AutograderError(
        f"The reference solution of {assignment.name} {assignment.version} loses points, so nothing was graded:\n"
        + "\n".join(f"  {stem}, {id}: {message(id, finding)}" for (stem, id), finding in wrong.items())
        + _not_installed(assignment)
        + "\nFix the check or the solution and release again. If the notebook needs files or packages that the sandbox "
        "does not provide, add them: --show PATH."
    )


def _not_installed(assignment: Assignment) -> str:
    """A sentence on the modules that the instructor's notebooks import and that are not installed here; "" if there are none."""
    statements = [
        node
        for notebook in assignment.instructor.values()
        for cell in notebook.cells
        if cell.cell_type == "code"
        for statement in syntax.statements(cell.source)
        for node in ast.walk(statement)
    ]
    names = {
        alias.name.partition(".")[0] for node in statements if isinstance(node, ast.Import) for alias in node.names
    }
    names |= {
        node.module.partition(".")[0]
        for node in statements
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }
    here = {path.name.removesuffix(".py") for path in assignment.files.iterdir()}
    missing = sorted(name for name in names - here if name not in sys.modules and find_spec(name) is None)
    if not missing:
        return ""
    return f"\nThe notebook imports modules that are not installed here: {', '.join(missing)}. Run: pip install {' '.join(missing)}"


@contextmanager
def _working_folder(files: Path, scratch: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="calibrate-", dir=scratch))
    try:
        shutil.copytree(files, folder / "work")
        yield folder / "work"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _rules() -> str:
    """A digest of the code that determines what a check sees."""
    digest = hashlib.sha256()
    top = Path(__file__).parent.parent
    rules = [*(top / "check").rglob("*.py"), *(top / "notebook" / name for name in ("code_cells.py", "syntax.py"))]
    rules += [top / "run" / name for name in ("calibration.py", "walk.py")]
    for path in sorted(rules):
        digest.update(os.fsencode(path.name) + path.read_bytes())
    return digest.hexdigest()[:8]
