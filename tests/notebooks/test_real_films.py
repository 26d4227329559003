"""The solutions of the labs with chest films on real NIH films, in the cpu profile."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from autograder.author.reference import execute
from autograder.course.lab_course import LabCourse

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).resolve().parent.parent.parent
SOLUTIONS = ROOT / "solutions"
# By their sources, so that a notebook that is not built fails here. From lab 02 on films are met in demonstrations only.
RUNS = [pytest.param(path, False, marks=pytest.mark.sample) for path in sorted(SOLUTIONS.glob("01_*/*.py"))]
RUNS += [
    pytest.param(
        path,
        True,
        marks=pytest.mark.slow(reason="runs the demonstrations of a lab, with their training, on real films"),
    )
    for lab in ("01_cardiomegaly", "02_attribution", "03_bias", "04_pneumothorax", "05_cam")
    for path in sorted((SOLUTIONS / lab).glob("*.py"))
]


@pytest.fixture(scope="module")
def caches(tmp_path_factory):
    return tmp_path_factory.mktemp("caches")


@pytest.mark.parametrize(
    ("source", "demonstrations"), RUNS, ids=lambda value: value.stem if isinstance(value, Path) else str(value)
)
def test_the_solution_runs_on_real_films(source, demonstrations, realdata, caches, tmp_path):
    path = source.with_suffix(".ipynb")
    cache = caches / path.parent.name  # a lab's own, or another lab's films would hide that it fetched none
    mirror = realdata / "nih" / "mirror"
    if not mirror.is_dir():
        pytest.skip(f"MEDXAI_REALDATA holds no nih/mirror: {realdata}")
    folder = tmp_path / path.parent.name
    shutil.copytree(path.parent, folder, ignore=shutil.ignore_patterns("hidden", "mutants", "*.py", "*.ipynb"))
    nb = nbformat.read(path, as_version=4)
    if not demonstrations:
        nb.cells = [cell for cell in nb.cells if "demo" not in cell.metadata.get("tags", ())]
    execute(
        LabCourse(ROOT), nb, folder,
        MEDXAI_PROFILE="cpu", DATA_FETCH_SOURCE="nih", DATA_FETCH_MIRROR=str(mirror), DATA_FETCH_DIR=str(cache),
    )  # fmt: skip
    errors = [
        f"{output.ename}: {output.evalue}\n{cell.source}"
        for cell in nb.cells
        for output in cell.get("outputs", ())
        if output.output_type == "error"
    ]
    assert not errors, errors[0]
    code = [cell for cell in nb.cells if cell.cell_type == "code" and cell.source.strip()]
    assert all(cell.execution_count for cell in code), "not every cell was reached"
    films = "pneumothorax" if path.parent.name in ("04_pneumothorax", "05_cam") else "cardiomegaly"
    assert list((cache / "sets").glob(f"{films}-nih-*")), "no real film was fetched"
