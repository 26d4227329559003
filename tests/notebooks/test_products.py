"""What is committed is what the sources give, and a fresh release is what a student should meet."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from autograder.author import build
from autograder.author.lab_source import load_lab
from autograder.course.lab_course import LabCourse
from autograder.release import release, run_all

ROOT = Path(__file__).resolve().parent.parent.parent
LABS = [folder.name for folder in LabCourse(ROOT).folders()]
JUNK = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")


def content(folder: Path) -> dict[str, bytes]:
    """The files of a folder, without what opening or running a notebook in place leaves there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.suffix != ".keras"
        and not (path.match("quiz-*.json") or path.match("poll-*.json"))
        and path.name != "my_boxes.txt"
        and path.parent.name != "maps"
        and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)
    }


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> LabCourse:
    """A copy of the course's sources, with a release of each lab made from them."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "solutions", folder / "solutions", ignore=JUNK)
    return LabCourse(folder)


@pytest.mark.parametrize("name", LABS)
def test_solution_notebooks_are_those_of_their_sources(course, name):
    _, lost = build.build_lab(load_lab(course.solutions / name))
    assert not lost, f"recorded outputs of {lost} are missing. Run: autograder reference {name[:2]}"
    assert content(course.solutions / name) == content(ROOT / "solutions" / name), f"run: autograder build {name[:2]}"


@pytest.mark.parametrize("name", LABS)
def test_released_notebooks_are_those_of_their_sources(course, name):
    lab = load_lab(course.solutions / name)
    build.build_lab(lab)
    release.make(course, lab, course.notebooks / name)
    made, committed = content(course.notebooks / name), content(ROOT / "notebooks" / name)
    assert sorted(made) == sorted(committed)
    changed = [path for path in made if made[path] != committed[path]]
    assert not changed, f"{changed} differ from those built from the sources. Run: autograder release {name[:2]}"


def test_every_lab_is_released_and_nothing_else():
    assert {path.name for path in (ROOT / "notebooks").iterdir() if path.is_dir()} == set(LABS)


def test_what_a_run_leaves_beside_a_notebook_is_not_released(course):
    """Lab 05's solution writes its boxes and pictures into files; students must get neither."""
    lab = load_lab(course.solutions / "05_cam")
    build.build_lab(lab)
    (lab.folder / "maps").mkdir(exist_ok=True)
    for name in ("my_boxes.txt", "maps/one.png", "my_network.keras"):
        (lab.folder / name).write_bytes(b"left behind")
    release.make(course, lab, course.notebooks / "again" / "05_cam")
    made = {path.name for path in (course.notebooks / "again").rglob("*") if path.is_file()}
    assert not {"my_boxes.txt", "one.png", "my_network.keras"} & made and "05a_maps.ipynb" in made


@pytest.mark.kernel
@pytest.mark.parametrize("name", [*(pytest.param(name, marks=pytest.mark.sample) for name in LABS[:2]), *LABS[2:]])
def test_run_all_on_a_fresh_release_fails_exactly_in_its_checks(name, tmp_path):
    """As a student meets it, without the demonstrations: those ran with the solutions."""
    run_all_fails_exactly_in_checks(name, tmp_path, demos=False)


@pytest.mark.kernel
@pytest.mark.slow(reason="trains the networks of the demonstrations")
@pytest.mark.parametrize("name", LABS[:2])
def test_run_all_with_demonstrations_fails_exactly_in_its_checks(name, tmp_path):
    run_all_fails_exactly_in_checks(name, tmp_path, demos=True)


def run_all_fails_exactly_in_checks(name: str, folder: Path, demos: bool) -> None:
    lab = shutil.copytree(ROOT / "notebooks" / name, folder / "notebooks" / name)
    for path in sorted(lab.glob("*.ipynb")):
        nb = nbformat.read(path, as_version=4)
        checks = [cell.source for cell in nb.cells if "check" in cell.metadata.get("tags", ())]
        assert checks and not any(cell.get("outputs") for cell in nb.cells)
        executed, failures = run_all.run_all(LabCourse(ROOT), path, demos=demos)
        assert not run_all.surprises(executed, failures)
        assert [failure.source for failure in failures] == checks
