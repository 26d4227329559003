"""Our own labs get from `autograder grade` what stock `nbgrader autograde` gives, for every mutant of every exercise.

Known differences: hidden checks draw their inputs from a seed of the student's here and from a fixed one in stock nbgrader, and
stock nbgrader gives 0 to a cell that wrote to stderr, which is no error for us. So its verdict is read from what its cells raised.

nbgrader's own kernels import TensorFlow for each notebook again. So a push gives them to it for two students of lab 00, and `make
test-all` for lab 00 whole; in the larger labs nbgrader is told to start the kernels of `warmkernel`, which are forked.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import stock
from rich.console import Console

from autograder import demo
from autograder.author.lab_source import load_lab
from autograder.course.lab_course import LabCourse
from autograder.notebook.cells import grade_id_of, is_graded, points_in
from autograder.release import release
from autograder.run import assignment as assignments
from autograder.run import grade, sandboxes
from warmkernel import kernelspec

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[3]


def answers_of(lab):
    """By student, the answers: student i gives the i-th mutant of each exercise, or the reference where there are fewer."""
    reference = {e.key: e.reference for e in lab.exercises}
    most = max(len(e.mutants) for e in lab.exercises)
    mixes = [{e.key: e.mutants[i].source for e in lab.exercises if i < len(e.mutants)} for i in range(most)]
    return {"perfect": reference, "blank": {}} | {f"mutant{i}": reference | mix for i, mix in enumerate(mixes)}


def without_demos(path):
    """Neither side runs the cells that no mark depends on."""
    nb = nbformat.read(path, as_version=4)
    for cell in nb.cells:
        if "demo" in cell.metadata.get("tags", ()):
            cell.source = ""
    nbformat.write(nb, path)


def half_of(course, name, folder, first):
    """A copy of the course with every second submission."""
    shutil.copytree(course.root, folder)
    for student in sorted(path.name for path in course.submitted.iterdir())[1 - first :: 2]:
        shutil.rmtree(folder / "submitted" / student)
    return folder


def verdicts(folder, name):
    """(student, notebook, cell) -> points, by whether the cell raised in stock nbgrader's run; and the cells that wrote to stderr."""
    found, noisy = {}, set()
    for path in (folder / "autograded").glob(f"*/{name}/*.ipynb"):
        for cell in filter(is_graded, nbformat.read(path, as_version=4).cells):
            key = path.parts[-3], path.stem, grade_id_of(cell)
            found[key] = 0.0 if any(out.output_type == "error" for out in cell.outputs) else points_in(cell)
            noisy |= {key} if any(out.get("name") == "stderr" for out in cell.outputs) else set()
    return found, noisy


def warm_kernels(course, name, folder):
    """Installs a kernelspec with what `autograder grade` shows to students' code; the variables by which Jupyter finds it."""
    assignment = assignments.load(course, name, "", folder)
    sandbox = sandboxes.of(course, assignment, True, (), 1)
    sandbox = replace(sandbox, limits={"memory": grade.Options().memory})
    kernelspec.install(sandbox.settings(), prefix=str(folder))
    return {**sandbox.variables, "JUPYTER_PATH": str(folder / "share" / "jupyter")}


@pytest.mark.parametrize(
    ("number", "students"),
    [
        pytest.param("00", ("perfect", "mutant0"), marks=pytest.mark.sample),
        *(
            pytest.param(
                number,
                None,
                marks=[
                    pytest.mark.slow(reason="grades every answer of a lab twice, here and with stock nbgrader"),
                    pytest.mark.timeout(7200),
                ],
            )
            for number in (folder.name[:2] for folder in LabCourse(ROOT).folders())
        ),
    ],
)
def test_every_mark_is_that_of_nbgrader(number, students, tmp_path, monkeypatch):
    course = demo.make_course(LabCourse(ROOT), tmp_path / "course")
    name = course.find(number).name
    release.run(course, [number], make_zip=False)
    for student, answers in answers_of(load_lab(course.find(number))).items():
        if students is None or student in students:
            stock.submit(course.notebooks / name, course.submitted / student / name, answers)
    for path in course.submitted.rglob("*.ipynb"):
        without_demos(path)
    halves = [half_of(course, name, tmp_path / f"stock{first}", first) for first in (0, 1)]
    records = grade.run(course, number, console=Console(quiet=True))
    options = []
    if number != "00":
        for variable, value in warm_kernels(course, name, tmp_path / "warm").items():
            monkeypatch.setenv(variable, value)
        options = [f"--Execute.kernel_name={kernelspec.NAME}"]
    with ThreadPoolExecutor() as pool:  # nbgrader grades one after the other
        list(pool.map(lambda half: stock.nbgrader(half, "autograde", name, *options), halves))
    ours = {(r.student, cell.notebook, cell.id): cell.points for r in records for cell in r.cells}
    raised, noisy, given = {}, set(), {}
    for half in halves:
        found, more = verdicts(half, name)
        raised, noisy = raised | found, noisy | more
        marks = stock.marks(half / "gradebook.db", name, "medxai")
        given |= {key: points for key, (points, _) in marks.items() if key in found}
    assert ours == raised
    assert {key for key in given if given[key] != raised[key]} <= noisy
    assert all(cell.outside for record in records for cell in record.cells)
    perfect = next(record for record in records if record.student == "perfect")
    assert perfect.points == perfect.max
