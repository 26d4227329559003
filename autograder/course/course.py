"""The course folder: where everything of a course stands, and how its labs are named."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course.markers import BEGIN_HIDDEN, BEGIN_SOLUTION, END_HIDDEN, END_SOLUTION, PRIVATE, STUB
from autograder.errors import AutograderError

if TYPE_CHECKING:
    from traitlets.config import Config

    from autograder.author.lab_source import Lab


class Course:
    """A course: a folder with `solutions/`, and beside it whatever releasing and grading make.

    Parameters
    ----------
    root : path
        The folder that holds `solutions/`.

    Raises
    ------
    AutograderError
        If there is no such folder.
    """

    ours = True
    """Whether the course is one of this project's kind: labs by the contract, releases with versions and snapshots."""

    def __init__(self, root: str | Path):
        self.root = Path(root).resolve()
        self.solutions = self.root / "solutions"  # sources and the notebooks built from them
        self.notebooks = self.root / "notebooks"  # releases
        self.submitted = self.root / "submitted"  # STUDENT/LAB/*.ipynb, the latest attempt of each
        self.autograded = self.root / "autograded"
        self.feedback = self.root / "feedback"
        self.reports = self.root / "reports"  # LAB.html, on the whole class
        self.gradebook = self.root / "gradebook.db"
        self.state = self.root / ".autograder"  # course data: secret, records, attempts, snapshots of releases
        self.dist = self.root / "dist"
        if not self.solutions.is_dir():
            raise AutograderError(
                f"No course at {self.root}: expected a folder `solutions` in it, or nbgrader's `source` or "
                "nbgrader_config.py. Change to the course's folder, or name it: autograder --course FOLDER ..."
            )

    @classmethod
    def around(cls, start: str | Path | None = None) -> Course:
        """The course that `start` (default: the current folder) lies in."""
        start = Path(start or Path.cwd()).resolve()
        for folder in (start, *start.parents):
            if (folder / "solutions").is_dir():
                return cls(folder)
            if _is_nbgraders(folder):
                return Course.at(folder)
        return cls(start)  # raises, and says what was expected

    @classmethod
    def at(cls, root: str | Path) -> Course:
        """The course whose root is `root`: of this project's kind where it has `solutions/`, else any of nbgrader's.

        Raises
        ------
        AutograderError
            If it is neither.
        """
        root = Path(root)
        if (root / "solutions").is_dir() or not _is_nbgraders(root):
            return cls(root)
        from autograder.course.nbgrader_course import NbgraderCourse

        return NbgraderCourse(root)

    def secret(self) -> bytes:
        """The course's secret, from which the inputs of hidden checks are drawn; made when it is first asked for."""
        path = self.state / "secret"
        if not path.exists():
            self.state.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.state, prefix=".secret.")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(secrets.token_hex(32))
            with contextlib.suppress(FileExistsError):  # somebody was quicker
                os.link(name, path)
            os.unlink(name)
        return path.read_bytes()

    @property
    def project(self) -> Path:
        """The folder that holds the packages `data_fetch` and `medxai`: the course's own, or this checkout."""
        return self.root if (self.root / "medxai").is_dir() else Path(__file__).resolve().parents[2]

    def folders(self) -> list[Path]:
        """The labs' source folders, in order."""
        return sorted(p for p in self.solutions.iterdir() if p.is_dir() and re.match(r"\d\d_", p.name))

    def labs(self) -> list[Lab]:
        """All labs, parsed."""
        from autograder.author.lab_source import load_lab

        return [load_lab(folder) for folder in self.folders()]

    def find(self, name: str) -> Path:
        """The source folder of a lab that is named "01", "1", "01_cardiomegaly" or by a path.

        Raises
        ------
        AutograderError
            If there is none; the message lists the nearest names.
        """
        wanted = Path(name).name if os.sep in name else name
        folders = {folder.name: folder for folder in self.folders()}
        for full, folder in folders.items():
            number, topic = full.split("_", 1)
            if wanted in (full, number, topic) or (wanted.isdigit() and int(wanted) == int(number)):
                return folder
        near = difflib.get_close_matches(wanted, [*folders, *(f.split("_", 1)[1] for f in folders)], n=3, cutoff=0.4)
        raise AutograderError(
            f"There is no lab {name!r}. "
            + (f"Did you mean {' or '.join(near)}? " if near else "")
            + f"Labs: {', '.join(folders) or 'none'}."
        )

    def typed(self, lab: str) -> str:
        """What people type for a lab of this folder name: its number; in courses of nbgrader's, the name."""
        return lab.split("_")[0] if self.ours else lab

    @property
    def collecting(self) -> str:
        """The command that takes submissions in."""
        return "autograder collect FOLDER" if self.ours else "nbgrader collect ASSIGNMENT"

    def choose(self, names: Sequence[str] | None) -> list[Path]:
        """The folders of the named labs, each once and in order; all labs when no name is given."""
        if not names:
            found = self.folders()
            if not found:
                raise AutograderError(f"No lab in {self.solutions}: expected folders such as 01_cardiomegaly.")
            return found
        return sorted({self.find(name) for name in names})

    def environment(self, **more: str) -> dict[str, str]:
        """Environment variables for a kernel that runs a lab: this course's packages come first on its path."""
        env = dict(os.environ)
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # TensorFlow imports three times slower without bytecode
        path = dict.fromkeys([str(self.root), str(self.project), *filter(None, [env.get("PYTHONPATH")])])
        return env | {"PYTHONPATH": os.pathsep.join(path)} | more

    def nbgrader_config(self) -> Config:
        """nbgrader's settings for this course; `release` and `grade` use them, and `nbgrader` itself by nbgrader_config.py."""
        from traitlets.config import Config

        tools_on_path()
        c = Config()
        c.CourseDirectory.root = str(self.root)
        c.CourseDirectory.course_id = "medxai"
        c.CourseDirectory.source_directory = "solutions"
        c.CourseDirectory.release_directory = "notebooks"
        c.CourseDirectory.db_url = f"sqlite:///{self.gradebook}"
        c.CourseDirectory.ignore = [
            ".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*_extracted", "desktop.ini", ".DS_Store", "*.keras",
            "my_boxes.txt", "maps", "quiz-*.json", "poll-*.json", *PRIVATE,
        ]  # fmt: skip
        c.ClearSolutions.code_stub = {"python": STUB}
        c.ClearSolutions.begin_solution_delimeter = BEGIN_SOLUTION
        c.ClearSolutions.end_solution_delimeter = END_SOLUTION
        c.ClearHiddenTests.begin_test_delimeter = BEGIN_HIDDEN
        c.ClearHiddenTests.end_test_delimeter = END_HIDDEN
        c.ExecutePreprocessor.timeout = 300  # nbgrader's own 30 s are too short to import TensorFlow and train a little
        return c


def _is_nbgraders(folder: Path) -> bool:
    return (folder / "nbgrader_config.py").is_file() or any(folder.glob("source/*/*.ipynb"))


def tools_on_path() -> None:
    """nbgrader starts `alembic` by its bare name to make a gradebook: it must be found also when the environment is not active."""
    here = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", "").split(os.pathsep)
    if here not in path:
        os.environ["PATH"] = os.pathsep.join([here, *path])
