"""nbgrader courses: makes `autograder grade` work in their root as it does in ours."""

from __future__ import annotations

import difflib
import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.course.course import Course, Edition, tools_on_path
from autograder.course.generate import generate_assignment
from autograder.errors import AutograderError

if TYPE_CHECKING:
    from traitlets.config import Config

CONFIG = "nbgrader_config.py"
COMMANDS = ("grade", "feedback", "report", "export")  # commands of `autograder` that need no lab sources


class NbgraderCourse(Course):
    """An nbgrader course: a folder with `nbgrader_config.py` or `source/`, and the folders that nbgrader creates.

    Parameters
    ----------
    root : path
        The course's root.

    Raises
    ------
    AutograderError
        If its configuration cannot be read or is not supported here.
    """

    kind = "assignments of an nbgrader course"

    def __init__(self, root: str | Path):
        from nbgrader.coursedir import CourseDirectory

        super().__init__(root)
        self.config = self._read_config()
        log = logging.getLogger("autograder.nbgrader")
        directory = CourseDirectory(config=self.config, root=str(self.root), log=log)
        if directory.directory_structure != "{nbgrader_step}/{student_id}/{assignment_id}":
            raise AutograderError(
                f"{self.root / CONFIG} sets CourseDirectory.directory_structure to {directory.directory_structure!r}; "
                "expected nbgrader's own, {nbgrader_step}/{student_id}/{assignment_id}. To grade here, remove this line."
            )
        if not directory.db_url.startswith("sqlite:///"):
            raise AutograderError(
                f"The gradebook of {self.root} is {directory.db_url.split('://')[0]}; expected sqlite. "
                "Copy it into an sqlite file, and set CourseDirectory.db_url to that."
            )
        self.solutions = self.root / directory.source_directory
        self.notebooks = self.root / directory.release_directory
        self.submitted = self.root / directory.submitted_directory
        self.autograded = self.root / directory.autograded_directory
        self.feedback = self.root / directory.feedback_directory
        self.gradebook = self.root / directory.db_url.removeprefix("sqlite:///")
        self.course_id = directory.course_id
        self.ignore = list(directory.ignore)

    def _read_config(self) -> Config:
        """The settings that nbgrader uses: Jupyter's user and system settings, then the course's own."""
        from jupyter_core.paths import jupyter_config_path
        from traitlets.config import Config
        from traitlets.config.loader import JSONFileConfigLoader, PyFileConfigLoader

        found = Config()
        for folder in [*reversed(jupyter_config_path()), str(self.root)]:
            for loader, name in ((PyFileConfigLoader, CONFIG), (JSONFileConfigLoader, "nbgrader_config.json")):
                path = Path(folder, name)
                if not path.is_file():
                    continue
                try:
                    found.merge(loader(name, path=folder).load_config())
                except (Exception, SystemExit) as e:  # executing a Python file may raise anything
                    raise AutograderError(
                        f"{path} cannot be read ({type(e).__name__}: {str(e)[:200]}). Fix it, then run the command again."
                    ) from e
        return found

    def folders(self) -> list[Path]:
        """The assignments' source folders, by name."""
        if not self.solutions.is_dir():
            return []
        return sorted(p for p in self.solutions.iterdir() if p.is_dir() and any(p.glob("*.ipynb")))

    def find(self, name: str) -> Path:
        """The source folder of an assignment.

        Raises
        ------
        AutograderError
            If there is none; the message lists similar names.
        """
        wanted = Path(name).name
        folders = {folder.name: folder for folder in self.folders()}
        if wanted in folders:
            return folders[wanted]
        if not folders:
            raise AutograderError(
                f"No assignment in {self.solutions}: expected folders of notebooks with solutions and checks. "
                f"Put those of {wanted} into {self.solutions / wanted}, then run: nbgrader generate_assignment {wanted}"
            )
        [nearest] = difflib.get_close_matches(wanted, folders, n=1, cutoff=0.0)
        raise AutograderError(
            f"There is no assignment {name!r} in {self.solutions}. Assignments: {', '.join(folders)}. "
            f"Run: autograder grade {nearest}"
        )

    def typed(self, name: str) -> str:
        """The folder's name."""
        return name

    @property
    def collecting(self) -> str:
        """The command that collects submissions."""
        return "nbgrader collect ASSIGNMENT"

    def check_command(self, command: str) -> None:
        """Raises AutograderError if a command works only for courses whose labs are built from sources."""
        if command not in COMMANDS:
            raise AutograderError(
                f"`autograder {command}` is for courses whose labs are built from sources (in a folder `solutions`); {self.root} is an nbgrader "
                f"course. Commands that work here: {', '.join(f'autograder {name}' for name in COMMANDS)}. For anything else, run: nbgrader --help"
            )

    def version_for(self, name: str, claimed: str) -> str:
        """The only version: the current source folder."""
        return ""

    def edition(self, name: str, version: str, scratch: Path) -> Edition:
        """The source and release folders; if a released notebook is missing, nbgrader generates it from the current source."""
        source, released = self.solutions / name, self.notebooks / name
        if not {p.name for p in source.glob("*.ipynb")} <= {p.name for p in released.glob("*.ipynb")}:
            released = scratch / "released" / name
            config = self.nbgrader_config()
            config.CourseDirectory.release_directory = str(released.parent.relative_to(self.root))
            config.SaveCells.enabled = False
            config.GenerateAssignment.no_database = True
            generate_assignment(config, name)
        return Edition("", source, released, (released, source))

    def kept_release(self, name: str, version: str) -> Path:
        """The release folder: older versions are not kept."""
        return self.notebooks / name

    def exercise_of(self, grade_id: str) -> str:
        """Each graded cell is a separate exercise."""
        return grade_id

    def tell_gradebook(self, name: str) -> None:
        """Adds an assignment's cells to the gradebook, if they are missing."""
        from nbgrader.api import Gradebook, MissingEntry

        config = self.nbgrader_config()
        with Gradebook(config.CourseDirectory.db_url, config.CourseDirectory.course_id) as book:
            try:
                if book.find_assignment(name).notebooks:
                    return
            except MissingEntry:
                pass
        with tempfile.TemporaryDirectory(prefix="gradebook-", dir=self.state) as folder:
            config.CourseDirectory.release_directory = os.path.relpath(folder, self.root)
            generate_assignment(config, name)

    def nbgrader_config(self) -> Config:
        """The course's own settings, with its root."""
        from traitlets.config import Config

        tools_on_path()
        c: Any = Config()
        c.merge(self.config)
        c.CourseDirectory.root = str(self.root)
        c.CourseDirectory.db_url = f"sqlite:///{self.gradebook}"
        c.CourseDirectory.course_id = self.course_id
        return c
