"""One version of an assignment, which submissions are graded against, read from the instructor's snapshot."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.course.course import Course
from autograder.course.markers import statement_of
from autograder.errors import AutograderError
from autograder.notebook import code_cells
from autograder.notebook.cells import grade_id_of, is_graded, is_manual
from autograder.notebook.code_cells import CHECK, CodeCell

AUTOTEST = re.compile(r"(?m)^[^\S\n]*#+[^\S\n]*(HASHED\s+)?AUTOTEST\b")
# Files in the course's root that configure tools, and that no notebook imports.
NOT_MODULES = ("nbgrader_config.py", "jupyter_config.py", "conftest.py")


@dataclass(frozen=True)
class Assignment:
    """One version of an assignment.

    Attributes
    ----------
    name : str
        Folder name.
    version : str
        For example "01-r1"; in an nbgrader course, which has no versions, the first digits of the digest.
    released : dict
        Notebooks as released to students, by stem.
    instructor : dict
        The same notebooks with reference solutions and hidden checks.
    files : Path
        A folder with the other files next to the notebooks and the modules in the course's root: the initial contents of a working folder.
    digest : str
        Of everything here that affects marks.
    """

    name: str
    version: str
    released: dict[str, NotebookNode]
    instructor: dict[str, NotebookNode]
    files: Path
    digest: str
    _for_marks: dict[str, list[CodeCell]] = field(default_factory=dict, repr=False, compare=False)

    def cells_for_marks(self, stem: str) -> list[CodeCell]:
        """The instructor's cells of one notebook, except those that no mark depends on."""
        if stem not in self._for_marks:
            self._for_marks[stem] = code_cells.for_marks(self.cells(stem))
        return list(self._for_marks[stem])

    def cells(self, stem: str, demos: bool = False) -> list[CodeCell]:
        """The instructor's code cells of one notebook, with or without those tagged `demo`.

        A check is hidden if its released text differs, however the course marks its hidden tests.
        """
        shown = {grade_id_of(cell): cell.source.strip() for cell in self.released[stem].cells}
        cells = code_cells.code_cells_of(self.instructor[stem], demos)
        return [replace(c, hidden=c.kind == CHECK and c.source.strip() != shown.get(c.id)) for c in cells]

    def graded(self) -> list[tuple[str, NotebookNode]]:
        """(stem, released cell) of every cell graded by a check."""
        return [(stem, cell) for stem, nb in self.released.items() for cell in nb.cells if is_graded(cell)]

    def manual(self) -> list[tuple[str, NotebookNode]]:
        """(stem, released cell) of every manually graded answer."""
        return [(stem, cell) for stem, nb in self.released.items() for cell in nb.cells if is_manual(cell)]


def statement(cell: NotebookNode) -> str:
    """What a graded cell checks, from its only comment, else its id."""
    return statement_of(cell.source) or grade_id_of(cell)


def load(course: Course, name: str, version: str, scratch: Path) -> Assignment:
    """Reads one version of an assignment.

    Parameters
    ----------
    course : Course
    name : str
        Folder name.
    version : str
        Of our labs; "" for the current one. Other courses have one version, the current source folder.
    scratch : Path
        Where the files next to the notebooks are copied to.

    Raises
    ------
    AutograderError
        If it has not been released, or one of its notebooks cannot be read.
    """
    edition = course.edition(name, version, scratch)
    notebooks = {path.stem: _read(path) for path in sorted(edition.released.glob("*.ipynb"))}
    answers = {path.stem: _read(path) for path in sorted(edition.source.glob("*.ipynb")) if path.stem in notebooks}
    if not notebooks or set(notebooks) != set(answers):
        raise AutograderError(
            f"{name}: expected each released notebook also in {edition.source.relative_to(course.root)}; "
            f"released {', '.join(notebooks) or 'none'}, found {', '.join(answers) or 'none'}. Release it again."
        )
    for stem, notebook in notebooks.items():
        ours, theirs = ({grade_id_of(c) for c in nb.cells if is_graded(c)} for nb in (answers[stem], notebook))
        if ours != theirs:
            raise AutograderError(
                f"{name}: the graded cells of {stem} have changed since its release ({', '.join(sorted(ours ^ theirs))}). "
                f"Release it again (in an nbgrader course: nbgrader generate_assignment {name} --force)."
            )
        if unwritten := [grade_id_of(c) for c in answers[stem].cells if is_graded(c) and AUTOTEST.search(c.source)]:
            raise AutograderError(
                f"{name}: {stem} has tests that nbgrader generates at release time (AUTOTEST: {', '.join(unwritten)}), which cannot be "
                f"graded here. Write them out in the source, or run: nbgrader autograde {name}"
            )
    files = scratch / "assignments" / f"{name}-{edition.version or 'source'}"
    _copy_files(course, edition.beside, files)
    digest = _digest(notebooks, answers, files)
    return Assignment(name, edition.version or digest[:12], notebooks, answers, files, digest)


def _read(path: Path) -> NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except Exception as e:
        raise AutograderError(f"{path} cannot be read as a notebook ({type(e).__name__}). Release it again.") from None


def _copy_files(course: Course, folders: Sequence[Path], target: Path) -> None:
    target.mkdir(parents=True)
    for module in course.root.glob("*.py"):
        if module.name not in NOT_MODULES:
            shutil.copyfile(module, target / module.name)
    ignore = shutil.ignore_patterns("*.ipynb", ".ipynb_checkpoints", "__pycache__", *course.private)
    for folder in folders:
        shutil.copytree(folder, target, ignore=ignore, dirs_exist_ok=True)


def _digest(released: dict[str, NotebookNode], answers: dict[str, NotebookNode], files: Path) -> str:
    digest = hashlib.sha256()
    for notebooks in (released, answers):
        for stem, notebook in sorted(notebooks.items()):
            cells = [[c.cell_type, c.source, c.metadata] for c in notebook.cells]
            digest.update(json.dumps([stem, cells], sort_keys=True).encode())
    for path in sorted(p for p in files.rglob("*") if p.is_file()):
        digest.update(f"\0{path.relative_to(files)}\0".encode("utf-8", "surrogateescape") + path.read_bytes())
    return digest.hexdigest()
