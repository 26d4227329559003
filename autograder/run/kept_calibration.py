"""What is known of an assignment's checks before anybody is graded: found out once for each version, and kept.

An instructor's mistake shows here, and stops the grading: a reference solution that does not get its points. Labs by this
project's contract are not tried: `autograder prove` has tried more than could be tried here.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.errors import AutograderError
from autograder.notebook import code_cells
from autograder.notebook.code_cells import CHECK, CodeCell
from autograder.run.calibration import Calibration, calibrate
from autograder.run.results import Policy, Seconds
from data_fetch.store.atomic import write_atomically

if TYPE_CHECKING:
    from autograder.check.runner.servers import Server
    from autograder.run.assignment import Assignment
    from autograder.run.walk import Kernel


@dataclass
class Calibrated:
    """The calibrations of an assignment's notebooks, by stem; `whole` names those in which every cell has to run."""

    notebooks: dict[str, Calibration] = field(default_factory=dict)
    whole: list[str] = field(default_factory=list)

    def policies(self, stem: str) -> dict[str, Policy]:
        """How each check cell of a notebook is judged."""
        return self.notebooks[stem].policies

    def full(self, stem: str) -> bool:
        """Whether cells matter to marks in a way that the names in them do not show, so that none may be skipped."""
        return stem in self.whole

    @property
    def inside(self) -> dict[tuple[str, str], str]:
        """The cells that are not tamper-proof, as (notebook, cell), and why they are not."""
        return {(stem, id): why for stem, found in self.notebooks.items() for id, why in found.inside.items()}

    def problems(self) -> list[str]:
        """Sentences for the instructor."""
        return [f"{stem}, {problem}" for stem, found in self.notebooks.items() for problem in found.problems()]

    def to_json(self) -> str:
        """As text; `from_json` reads it."""
        return json.dumps(
            {"notebooks": {k: asdict(v) for k, v in self.notebooks.items()}, "whole": self.whole}, indent=1
        )

    @classmethod
    def from_json(cls, text: str) -> Calibrated:
        """What `to_json` wrote. ValueError or TypeError where it is something else."""
        raw: dict[str, Any] = json.loads(text)
        notebooks = {}
        for stem, known in raw["notebooks"].items():
            policies = {id: Policy(**policy) for id, policy in known.pop("policies").items()}
            notebooks[stem] = Calibration(policies=policies, **known)
        return cls(notebooks, list(raw["whole"]))


def path_of(state: Path, assignment: Assignment) -> Path:
    """Where the calibration of a version is kept; it is found out again when the assignment or our rules change."""
    return state / "calibrations" / f"{assignment.name}-{assignment.digest[:16]}-{_rules()}.json"


def known(state: Path, assignment: Assignment) -> Calibrated | None:
    """The calibration that is kept, None where there is none."""
    try:
        return Calibrated.from_json(path_of(state, assignment).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def keep(state: Path, assignment: Assignment, found: Calibrated) -> None:
    """Writes a calibration down."""
    path = path_of(state, assignment)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, found.to_json())


def by_contract(assignment: Assignment) -> Calibrated:
    """What is known without a try where `autograder prove` has shown it: every check is judged outside."""
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
    """Tries every check of an assignment.

    Parameters
    ----------
    assignment : Assignment
    server : callable
        Starts the checker of a notebook with these cells.
    kernel : callable
        Starts a kernel in a working folder.
    seconds : Seconds
    scratch : Path
        For working folders.
    tell : callable, optional
        Told which notebook is tried.

    Raises
    ------
    AutograderError
        If a reference solution does not get its points; the message says which check says what.
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
    wrong = [f"  {stem}, {id}: {why}" for stem, c in found.notebooks.items() for id, why in c.wrong_reference.items()]
    if wrong:
        raise wrong_reference(assignment, wrong)
    return found


def wrong_reference(assignment: Assignment, lines: Iterable[str]) -> AutograderError:
    """The error for a reference solution that does not get its points; each line says which check says what."""
    return AutograderError(
        f"The reference solution of {assignment.name} {assignment.version} does not get its points, so nobody was graded:\n"
        + "\n".join(lines)
        + "\nMend the check or the solution and release again. If the notebook needs files or packages that the sandbox "
        "does not show, name them: --show PATH."
    )


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
    """Changes whenever the code does that decides what a check sees."""
    digest = hashlib.sha256()
    top = Path(__file__).parent.parent
    rules = [*(top / "check").rglob("*.py"), *(top / "notebook" / name for name in ("code_cells.py", "syntax.py"))]
    rules += [top / "run" / name for name in ("calibration.py", "walk.py")]
    for path in sorted(rules):
        digest.update(os.fsencode(path.name) + path.read_bytes())
    return digest.hexdigest()[:8]
