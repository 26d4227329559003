"""Files with marks or seeds: only their owner can read them, whatever the umask and however they were left before."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
from graded_class import answers, new_course, submit
from rich.console import Console

from autograder.author.lab_source import load_lab
from autograder.report import class_report, export, feedback
from autograder.run import grade

pytestmark = pytest.mark.kernel

QUIET = Console(quiet=True)
WITH_MARKS = (".autograder", "gradebook.db", "autograded", "feedback", "reports", "grades.csv")


def readable_by_others(root: Path) -> list[str]:
    """The files below `root` that another user of the machine can read, if `root` itself can be entered."""
    found = []
    for folder, _, names in os.walk(root):
        ways = [*[root / part for part in Path(folder).relative_to(root).parents][:-1], Path(folder)]
        if all(way.stat().st_mode & stat.S_IXOTH for way in ways if way != root):
            found += [
                str(Path(folder, name).relative_to(root)) for name in names if Path(folder, name).stat().st_mode & 0o044
            ]
    return found


@pytest.mark.parametrize("before", [0o755, 0o777])
def test_nobody_else_can_read_marks_and_seeds(tmp_path, before):
    mask = os.umask(0o002)
    try:
        course = new_course(tmp_path / "course")
        course.state.chmod(before)  # as an earlier version, or a careless copy, left it
        for folder in (course.autograded, course.feedback):
            folder.mkdir(mode=before)
        submit(course, "ada", answers(load_lab(course.find("01"))))
        grade.run(course, "01", console=QUIET)
        feedback.run(course, "01", console=QUIET)
        class_report.run(course, "01", console=QUIET)
        export.run(course, out=course.root / "grades.csv", console=QUIET)
    finally:
        os.umask(mask)
    assert all((course.root / name).exists() for name in WITH_MARKS)
    exposed = [name for name in readable_by_others(course.root) if name.split("/")[0] in WITH_MARKS]
    assert exposed == []


def test_the_search_for_readable_files_finds_them(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("marks", encoding="utf-8")
    (tmp_path / "a" / "b" / "file").chmod(0o644)
    tmp_path.chmod(0o755)
    assert readable_by_others(tmp_path) == ["a/b/file"]
    (tmp_path / "a").chmod(0o700)
    assert readable_by_others(tmp_path) == []
    shutil.rmtree(tmp_path / "a")
