"""The sandboxes of a course's kernels: they can read its packages and data, and nothing else on this machine."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.notebook import code_cells
from autograder.notebook.code_cells import CHECK
from autograder.record.sentences import how_it_ended
from autograder.run.assignment import Assignment
from autograder.run.kernel import Kernel, Sandbox
from warmkernel import pool, sandbox
from warmkernel.errors import WarmkernelError

# Imported by the warm process only if an assignment mentions one of the words; students can still import it cold.
HEAVY = {
    "tensorflow": "tensorflow|keras|medxai|innvestigate",
    "keras": "tensorflow|keras|medxai|innvestigate",
    "pandas": "pandas|medxai",
    "sklearn": "sklearn|medxai",
    "scipy.ndimage": "scipy|medxai",
    "matplotlib.pyplot": "matplotlib|pylab|plt|medxai",
    "ipywidgets": "ipywidgets|medxai",
}
SETUP_SECONDS = 1800.0  # for data that a lab's cells generate or download on their first run on a machine


def of(course: Course, assignment: Assignment, safe: bool, show: Sequence[Path], threads: int) -> Sandbox:
    """The sandbox of a course's kernels.

    Parameters
    ----------
    course : Course
    assignment : Assignment
    safe : bool
        False: no sandbox.
    show : sequence of Path
        Extra files and folders that notebooks may read.
    threads : int
        Threads for numerical libraries, so that parallel kernels do not slow each other down.

    Raises
    ------
    AutograderError
        If one of the paths does not exist.
    """
    shown = [str(Path(path).resolve()) for path in show]
    for path in shown:
        if not os.path.exists(path):
            raise AutograderError(f"--show {path}: no such file or folder.")
        if course.root.is_relative_to(path) or Path(path).is_relative_to(course.state):
            raise AutograderError(
                f"--show {path}: students would see the course's own files. Name a data folder instead."
            )
    number = str(threads)
    variables = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), number)
    with readable_data():
        shown += map(str, course.data())
    variables |= course.kernel_variables()
    if not safe:
        variables = _paths(course) | variables
    text = "\n".join(cell.source for notebook in assignment.instructor.values() for cell in notebook.cells)
    preload = tuple(f"-{name}" for name, words in HEAVY.items() if not re.search(rf"\b({words})\b", text))
    preload += course.packages
    return Sandbox(course.packages, tuple(shown), variables, preload=preload, safe=safe)


def _paths(course: Course) -> dict[str, str]:
    return {name: value for name, value in course.environment().items() if name == "PYTHONPATH"}


def check() -> None:
    """Raises AutograderError, with the next command, if this machine cannot create a sandbox."""
    try:
        sandbox.find_bubblewrap()
    except WarmkernelError as e:
        raise AutograderError(
            f"Students' code would run unprotected: {e}\nNothing was graded. Run: autograder doctor\n"
            "To run without a sandbox, only for trusted submissions on a disposable machine: --unsafe-no-sandbox"
        ) from e


def prepare(course: Course, assignment: Assignment, scratch: Path) -> None:
    """Runs the instructor's cells once with all permissions, so that the data they generate or download are cached.

    Raises
    ------
    AutograderError
        If one of them fails; the message names it and the cause.
    """
    trusted = of(course, assignment, False, (), os.cpu_count() or 1)
    trusted = Sandbox(variables={k: v for k, v in trusted.variables.items() if k != "DATA_FETCH_OFFLINE"}, safe=False)
    for stem in assignment.instructor:
        folder = Path(tempfile.mkdtemp(prefix="prepare-", dir=scratch))
        shutil.copytree(assignment.files, folder / "work")
        with readable_data(), Kernel(trusted, folder / "work") as kernel:
            for cell in code_cells.for_marks(code_cells.code_cells_of(assignment.instructor[stem])):
                ran = kernel.run(cell.source, SETUP_SECONDS) if cell.kind != CHECK else None
                if ran is not None and ran.ended is not None:
                    raise AutograderError(
                        f"{stem}: a cell of the solution failed ({how_it_ended(ran.ended)}). It begins with "
                        f"`{cell.source.strip().splitlines()[0][:80]}`. Nothing was graded."
                    )
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def readable_data() -> Iterator[None]:
    """When run as root, makes data written in the block readable by kernels, which run as an unprivileged user, whatever the umask."""
    before = os.umask(0o022)
    if os.geteuid() != 0:
        os.umask(before)
    try:
        yield
    finally:
        os.umask(before)


def close() -> None:
    """Ends the warm processes of this process."""
    pool.close_all()
