"""A fresh copy of the tiny course, and edits of it that must do something."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat

from autograder.course.course import Course
from autograder.course.lab_course import LabCourse

SOURCE = Path(__file__).parent / "course"
LAB = "01_tiny"
ANSWERS = {
    "normalise": "def normalise(film):\n    span = film.max() - film.min()\n"
    "    return (film - film.min()) / span if span else film * 0",
}


def fresh(folder: Path) -> LabCourse:
    """Copies the tiny course's sources (and nothing built from them) into `folder`."""
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("*.ipynb", "expected", "__pycache__", "ruff.toml"))
    return LabCourse(folder)


def source(course: Course) -> Path:
    return course.solutions / LAB / f"{LAB}.py"


def edit(path: Path, old: str, new: str, count: int = 1) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {path.name}: the test would test nothing"
    path.write_text(text.replace(old, new, count), encoding="utf-8")


def line_of(path: Path, text: str) -> int:
    return next(n for n, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1) if text in line)


def answer(notebook: Path, **answers: str) -> None:
    """Writes a student's answers into a released notebook."""
    nb = nbformat.read(notebook, as_version=4)
    for cell in nb.cells:
        key = cell.metadata.get("nbgrader", {}).get("grade_id")
        if key in answers:
            cell.source = answers.pop(key)
    assert not answers, f"no cell {list(answers)}"
    nbformat.write(nb, notebook)
