"""The documents describe the labs correctly."""

from __future__ import annotations

import re

from autograder.course.lab_course import LabCourse


def test_the_students_way_names_every_notebook_with_its_minutes(root):
    """docs/students.md and the card at the top of each notebook agree."""
    way = (root / "docs" / "students.md").read_text(encoding="utf-8")
    told = {name: int(minutes) for name, minutes in re.findall(r"^\| (\d\d[a-z]?) [^|]*\| (\d+) \|", way, re.MULTILINE)}
    cards = {}
    for source in sorted((root / "solutions").glob("*/*.py")):
        top = source.read_text(encoding="utf-8")
        minutes = re.search(r"^# \| (?:minutes \| |about )(\d+)", top, re.MULTILINE)
        assert minutes, f"{source.name} does not state how many minutes it takes"
        cards[source.stem.split("_")[0]] = int(minutes[1])
    assert told == cards


def test_the_readme_names_every_lab(root):
    listed = re.findall(
        r"^\| \[(\d\d) [^\]]+\]\((notebooks/[^)]+)\)", (root / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert listed == [(folder.name[:2], f"notebooks/{folder.name}") for folder in LabCourse(root).folders()]


def test_every_lab_has_a_guide_and_the_instructors_page_leads_to_it(root):
    assert "guide.md" in (root / "docs" / "instructors.md").read_text(encoding="utf-8")
    assert all((folder / "guide.md").is_file() for folder in LabCourse(root).folders())
