"""A course of this project's kind: labs that follow the rules, built from sources, released in versions that are all kept."""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course import choices, nbgrader_settings
from autograder.course.course import Course, Edition, tools_on_path
from autograder.course.markers import PRIVATE
from autograder.errors import AutograderError, SourceError, read_source

if TYPE_CHECKING:
    from traitlets.config import Config

FOLDER = re.compile(r"\d\d_")  # start of a lab folder's name


class LabCourse(Course):
    """A folder with `solutions/`.

    Parameters
    ----------
    root : path
        The folder that contains `solutions/`.

    Raises
    ------
    AutograderError
        If there is no such folder.
    """

    kind = "labs"
    private = PRIVATE
    packages = ("medxai", "data_fetch")
    closed = True
    proved = True

    def __init__(self, root: str | Path):
        super().__init__(root)
        self.solutions = self.root / "solutions"  # sources and the notebooks built from them
        self.notebooks = self.root / "notebooks"  # releases
        self.submitted = self.root / "submitted"  # STUDENT/LAB/*.ipynb, each student's latest hand-in
        self.autograded = self.root / "autograded"
        self.feedback = self.root / "feedback"
        self.gradebook = self.root / "gradebook.db"
        if not self.solutions.is_dir():
            raise AutograderError(
                f"No course at {self.root}: expected a folder `solutions` in it, or nbgrader's `source` or "
                "nbgrader_config.py. Change to the course's folder, or run: autograder --course FOLDER ..."
            )

    def all_folders(self) -> list[Path]:
        """The source folders of all labs, in order, also of those that course.toml leaves out."""
        return sorted(p for p in self.solutions.iterdir() if p.is_dir() and FOLDER.match(p.name))

    def choices(self) -> choices.Choices:
        """What course.toml says.

        Raises
        ------
        ChoiceError
            If it does not add up.
        """
        return choices.read(self.root, [folder.name for folder in self.all_folders()])

    def left_out(self, name: str) -> bool:
        """Whether course.toml leaves this lab out."""
        offered = self.choices().labs
        return offered is not None and name not in offered

    def outdated(self, name: str, version: str) -> bool:
        """Whether course.toml said something else about a lab when its current version was released."""
        try:
            about = json.loads((self.snapshot(version) / "release.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        now = choices_for(self.solutions / name).text()
        return version == self.current_version(name) and about.get("course.toml", "") != now

    def weights(self) -> dict[str, float]:
        """Folder name of a lab -> percent of the course's total, from course.toml."""
        return self.choices().weights()

    def folders(self) -> list[Path]:
        """The source folders of the labs offered, in order."""
        offered = self.choices().labs
        return [folder for folder in self.all_folders() if offered is None or folder.name in offered]

    def find(self, name: str) -> Path:
        """The source folder of a lab, given as "01", "1", "01_cardiomegaly" or a path.

        Raises
        ------
        AutograderError
            If there is none, with similar names, or if course.toml leaves it out.
        """
        wanted = Path(name).name if os.sep in name else name
        offered = self.choices().labs
        folders = {folder.name: folder for folder in self.all_folders()}
        for full, folder in folders.items():
            number, topic = full.split("_", 1)
            if wanted in (full, number, topic) or (wanted.isdecimal() and int(wanted) == int(number)):
                if offered is not None and full not in offered:
                    raise AutograderError(
                        f"{full} is not part of this course: {choices.NAME} offers {', '.join(offered)}. To offer it, add it to `labs` there."
                    )
                return folder
        near = difflib.get_close_matches(wanted, [*folders, *(f.split("_", 1)[1] for f in folders)], n=3, cutoff=0.4)
        raise AutograderError(
            f"There is no lab {name!r}. "
            + (f"Did you mean {' or '.join(near)}? " if near else "")
            + f"Labs: {', '.join(folders) or 'none'}."
        )

    def typed(self, name: str) -> str:
        """The lab's number."""
        return number_of(name)

    @property
    def collecting(self) -> str:
        """The command that collects submissions."""
        return "autograder collect FOLDER"

    def check_command(self, command: str) -> None:
        """All commands work here."""

    def snapshot(self, version: str) -> Path:
        """The folder of a kept release: `notebooks/LAB` as released, `solutions/LAB` at that time, `release.json`."""
        return self.state / "releases" / version

    def is_released(self, name: str, version: str) -> bool:
        """Whether this is a version of the lab with a snapshot here."""
        right = re.fullmatch(rf"{re.escape(number_of(name))}-r\d{{1,6}}", version)
        return right is not None and self.snapshot(version).is_dir()

    def current_version(self, name: str) -> str:
        """The current version of a lab."""
        return version_in(self.solutions / name)

    def version_for(self, name: str, claimed: str) -> str:
        """The version that a submission claims, if it was released here; else the current one."""
        return claimed if self.is_released(name, claimed) else self.current_version(name)

    def edition(self, name: str, version: str, scratch: Path) -> Edition:
        """The snapshot of a version.

        Raises
        ------
        AutograderError
            If it has not been released on this machine.
        """
        version = version or self.current_version(name)
        kept = self.snapshot(version)
        released = kept / "notebooks" / name
        if not released.is_dir():
            raise AutograderError(
                f"{name} has not been released as {version} on this machine: there is no snapshot {kept.relative_to(self.root)}. "
                f"Run: autograder release {number_of(name)}"
            )
        return Edition(version, kept / "solutions" / name, released, (released,))

    def kept_release(self, name: str, version: str) -> Path:
        """The folder of the notebooks released as a version; if that is not kept, of the current ones."""
        kept = self.snapshot(version) / "notebooks" / name
        return kept if version and kept.is_dir() else self.notebooks / name

    def exercise_of(self, grade_id: str) -> str:
        """KEY of KEY-2."""
        return grade_id.rsplit("-", 1)[0]

    def tell_gradebook(self, name: str) -> None:
        """Nothing to do: releasing has already done this."""

    def nbgrader_config(self) -> Config:
        """nbgrader's settings for this course; nbgrader itself gets them from nbgrader_config.py."""
        tools_on_path()
        config = nbgrader_settings.settings()
        config.CourseDirectory.root = str(self.root)
        config.CourseDirectory.db_url = f"sqlite:///{self.gradebook}"
        return config

    def data(self) -> list[Path]:
        """The cache of films, and the machine's shared data."""
        from data_fetch.store.cache import cache_folder, shared_folders

        cache = cache_folder()
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise AutograderError(
                f"The folder for films cannot be made: {cache} ({e.strerror}). Name one that you can write: export DATA_FETCH_DIR=FOLDER"
            ) from None
        return [cache, *shared_folders()]

    def kernel_variables(self) -> dict[str, str]:
        """Kernels read the cache, download nothing, and use the profile for grading."""
        from data_fetch.store.cache import cache_folder

        return {
            "DATA_FETCH_DIR": str(cache_folder()),
            "DATA_FETCH_OFFLINE": "1",
            "MEDXAI_PROFILE": "cpu",
            # A class's own checkpoints are never graded, and their list is not readable in a sandbox.
            "DATA_FETCH_REGISTRY": "",
        }


def choices_for(folder: Path) -> choices.LabChoice:
    """What course.toml says about the lab in a source folder (solutions/NN_topic).

    Raises
    ------
    ChoiceError
        If course.toml does not add up.
    """
    folder = Path(folder).resolve()
    if folder.parent.name != "solutions" or not FOLDER.match(folder.name):
        return choices.LabChoice()
    return LabCourse(folder.parents[1]).choices().of(folder.name)


def number_of(name: str) -> str:
    """The number that a lab's folder name begins with."""
    return name.split("_", 1)[0]


def release_number(version: str) -> int:
    """The 2 of "01-r2"."""
    return int(version.partition("-r")[2])


def version_in(folder: Path) -> str:
    """The version of a lab's sources, such as "01-r2", from its folder's name and release.toml.

    Raises
    ------
    SourceError
        If release.toml is missing or invalid.
    """
    path = Path(folder) / "release.toml"
    if not path.is_file():
        raise SourceError(path, None, "missing. Create it with the line: version = 1")
    try:
        number = tomllib.loads(read_source(path)).get("version")
    except tomllib.TOMLDecodeError as e:
        raise SourceError(path, None, f"invalid TOML: {e}. Expected one line: version = 1") from None
    if not isinstance(number, int) or number < 1:
        raise SourceError(path, 1, f"expected `version = ` and a whole number from 1, got {number!r}.")
    return f"{number_of(path.parent.name)}-r{number}"
