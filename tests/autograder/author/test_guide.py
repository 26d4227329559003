"""The instructor's guide is made with the notebooks, says all there is to say of an exercise, and reaches no student."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_course import LAB, edit, fresh

from autograder.author import build, guide
from autograder.author.lab_source import load_lab
from autograder.course.lab_course import LabCourse
from autograder.release import release

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", [folder.name for folder in LabCourse(ROOT).folders()])
def test_the_guide_names_every_exercise_law_and_misconception(name):
    lab = load_lab(ROOT / "solutions" / name)
    text = guide.text(lab)
    for exercise in lab.exercises:
        _, _, section = text.partition(f"### `{exercise.key}` (")
        section = section.partition("\n### ")[0]
        assert all(f"`{cell.id}` ({cell.points:g}): {cell.statement}" in section for cell in exercise.cells)
        assert all(guide.in_table(mutant.why) in section for mutant in exercise.mutants)
        assert f"{exercise.minutes} minutes" in section
    for task in lab.manual:
        assert f"`{task.key}`" in text
    assert text.count("*Rubric.*") == len(lab.manual) == text.count("*Model answer.*")
    assert "BEGIN SOLUTION" not in text


@pytest.mark.kernel
def test_building_writes_it_anew_and_a_release_leaves_it_behind(tmp_path):
    course = fresh(tmp_path / "course")
    build.run(course)
    path = course.solutions / LAB / guide.NAME
    before = path.read_text(encoding="utf-8")
    edit(next(course.solutions.glob("*/mutants/*/*.py")), '"""', '"""Because of the moon. ')
    build.run(course)
    assert "Because of the moon." in path.read_text(encoding="utf-8") and "Because of the moon." not in before
    release.run(course, make_zip=False)
    assert list(course.notebooks.rglob("*.ipynb")) and not list(course.notebooks.rglob("*.md"))
