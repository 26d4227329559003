"""The labs with most of their exercises left out by course.toml: they are released, proved clean, and run to their end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autograder.author.lab_source import load_lab
from autograder.course.lab_course import LabCourse
from autograder.release import release
from autograder.release.run_all import run_all, surprises

ROOT = Path(__file__).resolve().parent.parent.parent
LABS = [folder.name for folder in LabCourse(ROOT).folders() if folder.name != "00_welcome"]


@pytest.mark.kernel
@pytest.mark.slow(reason="runs every notebook of labs 01 to 05 as a student would")
@pytest.mark.parametrize("name", LABS)
def test_a_lab_with_one_exercise_left_works_from_top_to_bottom(name, tmp_path):
    lab = load_lab(ROOT / "solutions" / name)
    dropped = [exercise.key for exercise in lab.exercises[1:]] + [task.key for task in lab.manual]
    shutil.copytree(ROOT / "solutions" / name, tmp_path / "solutions" / name)
    (tmp_path / "course.toml").write_text(f"[lab.{lab.number}]\ndrop = {dropped}\n", encoding="utf-8")
    course = LabCourse(tmp_path)
    release.run(course, make_zip=False)
    for path in sorted((course.notebooks / name).glob("*.ipynb")):
        executed, failures = run_all(course, path, demos=False)
        assert surprises(executed, failures) == []
        checks = [cell for cell in executed.cells if "check" in cell.metadata.get("tags", ())]
        assert len(checks) == (lab.exercises[0].notebook == path.stem)
