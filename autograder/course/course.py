"""The base class of courses: folders, secret, and the methods that differ between kinds of course."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.errors import AutograderError
from data_fetch.store.atomic import create_atomically

if TYPE_CHECKING:
    from traitlets.config import Config


@dataclass(frozen=True)
class Edition:
    """One version of an assignment on this machine.

    Attributes
    ----------
    version : str
        For example "01-r1"; "" in courses without versions.
    source : Path
        The notebooks with solutions and hidden checks.
    released : Path
        The notebooks as released to students.
    beside : tuple of Path
        Folders whose other files are copied into a working folder.
    """

    version: str
    source: Path
    released: Path
    beside: tuple[Path, ...]


class Course(ABC):
    """A course: a folder with the sources of assignments, and the results of releasing and grading.

    Parameters
    ----------
    root : path
        The folder that contains everything.
    """

    kind: str
    """The plural name of its assignments: "labs"."""

    private: tuple[str, ...] = ()
    """Patterns of files next to the notebooks that students never get."""

    packages: tuple[str, ...] = ()
    """Packages of this project that students' kernels may import."""

    closed = False
    """Whether the gradebook, autograded notebooks and feedback pages are for their owner alone; else they are as nbgrader makes them."""

    proved = False
    """Whether checks are known to work outside the student's process, so that no calibration is needed."""

    solutions: Path
    notebooks: Path
    submitted: Path
    autograded: Path
    feedback: Path
    gradebook: Path

    def __init__(self, root: str | Path):
        self.root = Path(root).resolve()
        self.state = self.root / ".autograder"  # course data: secret, records, earlier hand-ins, snapshots of releases
        self.reports = self.root / "reports"  # ASSIGNMENT.html, the class reports
        self.dist = self.root / "dist"

    def make_state(self) -> Path:
        """Creates `.autograder` if it is missing; only its owner can enter it, because it holds marks and the seeds of checks."""
        make_private(self.state)
        return self.state

    def secret(self) -> bytes:
        """The course's secret, which seeds the inputs of hidden checks; created on first use."""
        path = self.make_state() / "secret"
        if not path.exists():
            create_atomically(path, secrets.token_hex(32).encode(), mode=0o600)
        return path.read_bytes()

    @property
    def project(self) -> Path:
        """The folder that contains the packages `data_fetch` and `medxai`: the course's own, or this checkout."""
        return self.root if (self.root / "medxai").is_dir() else Path(__file__).resolve().parents[2]

    def environment(self, **more: str) -> dict[str, str]:
        """Environment variables for a kernel that runs a lab: this course's packages come first on its path."""
        env = dict(os.environ)
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # TensorFlow imports three times slower without bytecode
        path = dict.fromkeys([str(self.root), str(self.project), *filter(None, [env.get("PYTHONPATH")])])
        return env | {"PYTHONPATH": os.pathsep.join(path)} | more

    def choose(self, names: Sequence[str] | None) -> list[Path]:
        """The folders of the named assignments, each once and in order; default: all.

        Raises
        ------
        AutograderError
            If there are none, or none with that name.
        """
        if not names:
            found = self.folders()
            if not found:
                raise AutograderError(f"No lab in {self.solutions}: expected folders such as 01_cardiomegaly.")
            return found
        return sorted({self.find(name) for name in names})

    @abstractmethod
    def folders(self) -> list[Path]:
        """The assignments' source folders, in order."""

    @abstractmethod
    def find(self, name: str) -> Path:
        """The source folder of an assignment, by the name that the user typed.

        Raises
        ------
        AutograderError
            If there is none; the message lists similar names.
        """

    @abstractmethod
    def typed(self, name: str) -> str:
        """The name to type for the assignment with this folder name."""

    @property
    @abstractmethod
    def collecting(self) -> str:
        """The command that collects submissions."""

    @abstractmethod
    def check_command(self, command: str) -> None:
        """Raises AutograderError, with the command to use instead, if a command of `autograder` does not apply to this kind of course."""

    @abstractmethod
    def version_for(self, name: str, claimed: str) -> str:
        """The version that a submission is graded against; `claimed` is the version that it claims, "" for none."""

    @abstractmethod
    def edition(self, name: str, version: str, scratch: Path) -> Edition:
        """The folders of a version.

        Parameters
        ----------
        name : str
            Folder name.
        version : str
            "" for the current one.
        scratch : Path
            Folder for generated files.

        Raises
        ------
        AutograderError
            If it has not been released.
        """

    @abstractmethod
    def kept_release(self, name: str, version: str) -> Path:
        """The folder of the notebooks released as a version; if that is not kept, of the current ones."""

    @abstractmethod
    def exercise_of(self, grade_id: str) -> str:
        """The exercise that a graded cell belongs to."""

    @abstractmethod
    def tell_gradebook(self, name: str) -> None:
        """Ensures that nbgrader's gradebook has an assignment's cells and points."""

    @abstractmethod
    def nbgrader_config(self) -> Config:
        """nbgrader's settings for this course."""

    def left_out(self, name: str) -> bool:
        """Whether the assignment with this folder name exists but is not offered."""
        return False

    def outdated(self, name: str, version: str) -> bool:
        """Whether exercises or points of an assignment were chosen differently when its current version was released."""
        return False

    def weights(self) -> dict[str, float]:
        """Folder name of an assignment -> percent of the course's total; empty if there is no such total."""
        return {}

    def data(self) -> list[Path]:
        """Data folders that students' kernels may read; creates them if possible."""
        return []

    def kernel_variables(self) -> dict[str, str]:
        """Environment variables of students' kernels, in addition to those of every sandbox."""
        return {}


def make_private(folder: Path) -> None:
    """Creates a folder that only its owner can enter; closes one that exists, unless it belongs to another user."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(PermissionError):
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)


def tools_on_path() -> None:
    """nbgrader runs `alembic` by name to create a gradebook: it must be on the path even if the environment is not active."""
    here = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", "").split(os.pathsep)
    if here not in path:
        os.environ["PATH"] = os.pathsep.join([here, *path])
