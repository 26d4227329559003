"""A grader that is killed at any moment, again and again, ends with the marks of one that was not."""

import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from graded_class import LAB, answers, new_course, submit
from rich.console import Console

from autograder.author.lab_source import load_lab
from autograder.record import gradebook
from autograder.record.records import GRADED, RecordStore
from autograder.run import grade

pytestmark = pytest.mark.kernel

WHAT_MAY_DIFFER = ("attempt", "started", "finished", "resources")


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(3, marks=pytest.mark.sample),
        pytest.param(20, marks=pytest.mark.slow(reason="grades a class until it has been killed twenty times")),
    ],
)
def test_killed_at_random_moments(tmp_path, kills):
    course = new_course(tmp_path / "course")
    lab = load_lab(course.find("01"))
    wrong = {e.key: e.mutants[0].source for e in lab.exercises}
    for number in range(8):
        slow = f"import time\ntime.sleep(0.5)\n{lab.exercise('normalise').reference}"
        submit(course, f"s{number}", answers(lab, **({"normalise": slow} if number % 2 else wrong)))
    course.secret()  # both draw the same inputs
    shutil.copytree(course.root, tmp_path / "undisturbed", symlinks=True)
    undisturbed = type(course)(tmp_path / "undisturbed")
    expected = grade.run(undisturbed, "01", console=Console(quiet=True))

    command = [sys.executable, "-m", "autograder.cli", "--course", str(course.root), "grade", "01"]
    store, dice = RecordStore(course.state), random.Random(kills)
    for _ in range(kills):
        child = subprocess.Popen(
            command, env=course.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        begun = time.monotonic()
        while child.poll() is None and not any(store.all(LAB)) and time.monotonic() - begun < 60:
            time.sleep(0.02)
        time.sleep(dice.uniform(0, 6))
        child.send_signal(signal.SIGKILL)
        child.wait()
        for record in store.all(LAB):  # each can be read, and what says that it is graded is right
            if record.status == GRADED:
                assert same(record) == same(next(r for r in expected if r.student == record.student))
    done = subprocess.run(command, env=course.environment(), capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert [same(r) for r in store.all(LAB)] == [same(r) for r in expected]
    assert gradebook.marks(course, LAB) == gradebook.marks(undisturbed, LAB)
    with gradebook.opened(course) as one, gradebook.opened(undisturbed) as other:
        scores = [{s.student.id: s.score for s in book.assignment_submissions(LAB)} for book in (one, other)]
    assert scores[0] == scores[1] and len(scores[0]) == 8
    assert not (course.state / "scratch").exists() and not list(course.state.rglob("*.part"))


def same(record):
    """A record without what two runs need not share."""
    known = vars(record) | dict.fromkeys(WHAT_MAY_DIFFER)
    return known | {
        "cells": [vars(cell) | {"seconds": None} for cell in record.cells],
        "manual": [vars(m) for m in record.manual],
    }
