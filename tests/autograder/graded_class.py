"""A small class on the tiny course, graded once a session: what test_grade, test_feedback and test_export look at."""

from __future__ import annotations

import atexit
import functools
import io
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from rich.console import Console

from autograder.author import build
from autograder.author.lab_source import Lab, load_lab
from autograder.course.course import Course
from autograder.course.lab_course import LabCourse
from autograder.notebook.cells import grade_id_of
from autograder.record.records import Record
from autograder.release import release
from autograder.run import grade

HERE = Path(__file__).parent
LAB = "01_tiny"
PLANTED = "27182"  # an input of a hidden check, which no page may show
STDERR = 'import sys, warnings\nprint("working", file=sys.stderr)\nwarnings.warn("a warning")\n'
LEAKY = """
SEEN = []
def normalise(film):
    SEEN.append(film.copy())
    print("</pre></div><script>alert(1)</script>", film)
    raise AssertionError(f"{film.tolist()}")
"""
MISTAKES = {"normalise": "no_return", "heart_share": "off_by_one"}


@dataclass
class GradedClass:
    course: Course
    lab: Lab
    records: dict[str, Record]
    said: str


def new_course(folder: Path) -> LabCourse:
    """The tiny course, built and released in a folder of its own, with a planted number in a hidden check."""
    shutil.copytree(HERE / "course", folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    shutil.copyfile(HERE.parents[1] / "nbgrader_config.py", folder / "nbgrader_config.py")
    hidden = folder / "solutions" / LAB / "hidden" / "normalise.py"
    text = hidden.read_text(encoding="utf-8")
    planted = text.replace("float(rng.integers(1, 200))", f"float({PLANTED})")
    assert planted != text
    hidden.write_text(planted, encoding="utf-8")
    course = LabCourse(folder)
    build.run(course)
    release.run(course, make_zip=False)
    (course.state / "calibrations").symlink_to(_calibrations())
    return course


@functools.cache
def _calibrations() -> Path:
    """All these courses are the same, and what was found out about the checks of one is true of the others."""
    folder = Path(tempfile.mkdtemp(prefix="calibrations-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def answers(lab: Lab, **given: str) -> Callable:
    """An edit that writes the reference solutions, and those that are given instead."""
    sources = {e.key: e.reference for e in lab.exercises} | given

    def edit(nb):
        for cell in nb.cells:
            if grade_id_of(cell) in sources:
                cell.source = sources[grade_id_of(cell)]

    return edit


def submit(course: Course, student: str, edit: Callable | None = None) -> Path:
    """Puts a student's notebook into submitted/, as `collect` does."""
    nb = nbformat.read(course.notebooks / LAB / f"{LAB}.ipynb", as_version=4)
    if edit:
        edit(nb)
    path = course.submitted / student / LAB / f"{LAB}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, path)
    return path


def _leaky(lab: Lab) -> Callable:
    def edit(nb):
        answers(lab, normalise=LEAKY)(nb)
        graded = [c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade")]
        for cell in graded:
            cell.metadata["tags"] = ["skip-execution", "demo"]
        at = next(i for i, c in enumerate(nb.cells) if grade_id_of(c) == "heart_share")
        stash = nbformat.v4.new_code_cell("print(SEEN, In)\nraise ValueError(SEEN)")
        page = nbformat.v4.new_code_cell("1")
        page.outputs = [nbformat.v4.new_output("display_data", data={"text/html": "<script>alert(2)</script>"})]
        nb.cells[at:at] = [stash, page]
        words = next(c for c in nb.cells if grade_id_of(c) == "what_enlarges")
        words.source += "\n\n</div></main><script>alert(3)</script> `a < b` <img src=x onerror=alert(4)>"

    return edit


def _untidy(lab: Lab) -> Callable:
    """Right answers in a notebook whose graded cells were deleted, doubled and made worth more."""

    def edit(nb):
        answers(lab)(nb)
        cells = {grade_id_of(c): c for c in nb.cells if grade_id_of(c)}
        nb.cells.remove(cells["normalise-1"])
        nb.cells.remove(cells["heart_share"])
        nb.cells.append(nbformat.v4.new_code_cell(cells["heart_share"].source))  # written again, without metadata
        cells["normalise-2"].source = "pass"
        cells["normalise-2"].metadata.nbgrader["points"] = 100
        double = nbformat.from_dict(dict(cells["normalise"]))
        double.id = "copied"
        nb.cells.insert(0, double)

    return edit


@functools.cache
def graded_class() -> GradedClass:
    """The class, graded in sandboxes."""
    folder = Path(tempfile.mkdtemp(prefix="graded-class-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    course = new_course(folder / "course")
    lab = load_lab(course.find("01"))
    mutant = {
        key: next(m for m in lab.exercise(key).mutants if m.name == name).source for key, name in MISTAKES.items()
    }
    noisy = lab.exercise("normalise").reference.replace(
        "    lowest,", "".join(f"    {line}\n" for line in STDERR.splitlines()) + "    lowest,"
    )
    submit(course, "perfect", answers(lab, normalise=noisy))
    submit(course, "blank")
    submit(course, "mistaken", answers(lab, **mutant))
    submit(course, "leaky", _leaky(lab))
    submit(course, "untidy", _untidy(lab))
    submit(course, "dies", answers(lab, heart_share="import os\ndef heart_share(heart, lungs):\n    os._exit(1)"))
    submit(course, "early", answers(lab, heart_share="import os\nos._exit(1)"))
    submit(course, "comma", answers(lab, heart_share="def heart_share(heart,, lungs):\n    return 1"))
    web = course.submitted / "webpage" / LAB / f"{LAB}.ipynb"
    web.parent.mkdir(parents=True)
    web.write_text("<!DOCTYPE html><html><body>Please log in</body></html>", encoding="utf-8")
    out = io.StringIO()
    records = grade.run(course, "01", console=Console(file=out, width=200))
    return GradedClass(course, lab, {r.student: r for r in records}, out.getvalue())
