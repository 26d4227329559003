"""What every course has: its folders, its secret, and the questions whose answers differ from kind to kind."""

from __future__ import annotations

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
    """One version of an assignment, as it lies on this machine.

    Attributes
    ----------
    version : str
        For example "01-r1"; "" in courses without versions.
    source : Path
        The notebooks with solutions and hidden checks.
    released : Path
        The notebooks as students got them.
    beside : tuple of Path
        Folders whose other files a working folder begins with.
    """

    version: str
    source: Path
    released: Path
    beside: tuple[Path, ...]


class Course(ABC):
    """A course: a folder with sources of assignments, and beside it whatever releasing and grading make.

    Parameters
    ----------
    root : path
        The folder that holds all of it.
    """

    kind: str
    """What an assignment is called in plural: "labs"."""

    private: tuple[str, ...] = ()
    """Patterns of files beside the notebooks that students never get."""

    packages: tuple[str, ...] = ()
    """Packages of this project that students' kernels may import."""

    proved = False
    """Whether checks are known to work outside the student's process, so that they need not be tried before grading."""

    solutions: Path
    notebooks: Path
    submitted: Path
    autograded: Path
    feedback: Path
    gradebook: Path

    def __init__(self, root: str | Path):
        self.root = Path(root).resolve()
        self.state = self.root / ".autograder"  # course data: secret, records, earlier hand-ins, snapshots of releases
        self.reports = self.root / "reports"  # ASSIGNMENT.html, on the whole class
        self.dist = self.root / "dist"

    def secret(self) -> bytes:
        """The course's secret, from which the inputs of hidden checks are drawn; made when it is first asked for."""
        path = self.state / "secret"
        if not path.exists():
            create_atomically(path, secrets.token_hex(32).encode(), mode=0o600)
        return path.read_bytes()

    @property
    def project(self) -> Path:
        """The folder that holds the packages `data_fetch` and `medxai`: the course's own, or this checkout."""
        return self.root if (self.root / "medxai").is_dir() else Path(__file__).resolve().parents[2]

    def environment(self, **more: str) -> dict[str, str]:
        """Environment variables for a kernel that runs a lab: this course's packages come first on its path."""
        env = dict(os.environ)
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # TensorFlow imports three times slower without bytecode
        path = dict.fromkeys([str(self.root), str(self.project), *filter(None, [env.get("PYTHONPATH")])])
        return env | {"PYTHONPATH": os.pathsep.join(path)} | more

    def choose(self, names: Sequence[str] | None) -> list[Path]:
        """The folders of the named assignments, each once and in order; all when no name is given.

        Raises
        ------
        AutograderError
            If there is none, or none of that name.
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
        """The source folder of an assignment, by what a person typed.

        Raises
        ------
        AutograderError
            If there is none; the message lists the nearest names.
        """

    @abstractmethod
    def typed(self, name: str) -> str:
        """What people type for an assignment of this folder name."""

    @property
    @abstractmethod
    def collecting(self) -> str:
        """The command that takes submissions in."""

    @abstractmethod
    def check_command(self, command: str) -> None:
        """Raises AutograderError, with what to type instead, where a command of `autograder` is for other courses."""

    @abstractmethod
    def version_for(self, name: str, claimed: str) -> str:
        """The version that a submission is graded against; `claimed` is what it says of itself, "" for nothing."""

    @abstractmethod
    def edition(self, name: str, version: str, scratch: Path) -> Edition:
        """Where a version lies.

        Parameters
        ----------
        name : str
            Folder name.
        version : str
            "" for the current one.
        scratch : Path
            For what has to be made first.

        Raises
        ------
        AutograderError
            If it has not been released.
        """

    @abstractmethod
    def kept_release(self, name: str, version: str) -> Path:
        """The folder of the notebooks that students of a version got; where that is not kept, of those of now."""

    @abstractmethod
    def exercise_of(self, grade_id: str) -> str:
        """The exercise that a graded cell belongs to."""

    @abstractmethod
    def tell_gradebook(self, name: str) -> None:
        """Sees to it that nbgrader's gradebook knows an assignment's cells and points."""

    @abstractmethod
    def nbgrader_config(self) -> Config:
        """nbgrader's settings for this course."""

    def data(self) -> list[Path]:
        """Folders of data that students' kernels may read; those that can be made are there afterwards."""
        return []

    def kernel_variables(self) -> dict[str, str]:
        """Environment variables of students' kernels, beside those that every sandbox has."""
        return {}


def tools_on_path() -> None:
    """nbgrader starts `alembic` by its bare name to make a gradebook: it must be found also when the environment is not active."""
    here = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", "").split(os.pathsep)
    if here not in path:
        os.environ["PATH"] = os.pathsep.join([here, *path])
