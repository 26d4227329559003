"""What must hold can fail: each point is broken on purpose once, and is seen to be."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys

import pytest

from autograder.attack import attack, must_hold, scenarios
from autograder.attack.kinds import ALL, CELLS, OPEN, STOPPED, Kind
from autograder.attack.must_hold import Observed, Watch
from autograder.check.protocol.verdict import Cause, Finding
from autograder.record.records import FAILED, GRADED, CellGrade, Record
from autograder.remarks import About, Remark

KIND = Kind("offender", "group", "tries", lambda desk: None, marks=(0.0, 0.0, 2.0, 1.0), because=STOPPED)


@pytest.fixture
def observed():
    """A grading in which everything held."""
    cells = [
        CellGrade(id, "x", "01_prey", "", most, points, bool(points), finding=Finding(Cause.OUT_OF_TIME, limit=5.0))
        for id, most, points in zip(CELLS, ALL, KIND.marks, strict=True)
    ]
    record = Record("01_prey", "offender", GRADED, cells=cells, resources={"seconds": 3.0})
    return Observed({"offender": record}, alone={"aa": [1.0, ""]}, beside={"aa": [1.0, ""]})


def test_what_held_is_not_held_against_anybody(observed):
    assert must_hold.broken(observed, KIND) == [] and must_hold.broken_by_class(observed) == []


@pytest.mark.parametrize("beside", [[0.0, ""], [1.0, "another message"], None])
def test_a_neighbours_mark_or_message_changed(observed, beside):
    observed.beside = {} if beside is None else {"aa": beside}
    assert must_hold.broken_by_class(observed)[0].startswith("1: aa: expected (as without offenders)")


@pytest.mark.parametrize(("cell", "points"), [(0, 2.0), (2, 0.0), (2, None), (0, None)])
def test_a_mark_that_is_not_deserved(observed, cell, points):
    observed.records["offender"].cells[cell].points = points
    assert must_hold.broken(observed, KIND)[0].startswith(
        f"2: {CELLS[cell]}: expected {KIND.marks[cell]}, got {points}"
    )


def test_less_is_no_offence_where_it_depends_on_the_machine_but_more_is(observed):
    kind = Kind("offender", "group", "tries", lambda desk: None, marks=KIND.marks, exact=False)
    observed.records["offender"].cells[2].points = None
    assert must_hold.broken(observed, kind) == []
    observed.records["offender"].cells[0].points = 1.0
    assert must_hold.broken(observed, kind) == ["2: centre-1: expected 0.0, got 1.0"]


def test_no_record_no_reason_and_a_failure_of_the_graders_own(observed):
    record = observed.records["offender"]
    for because in ({About.MISSING}, {Cause.RAISED, About.EMPTY}):
        assert "4: expected one of" in must_hold.broken(observed, dataclasses.replace(KIND, because=because))[0]
    record.remarks = [Remark(About.EMPTY, "a.ipynb")]
    assert must_hold.broken(observed, dataclasses.replace(KIND, because={Cause.RAISED, About.EMPTY})) == []
    record.status, record.retry = FAILED, True
    found = " ".join(must_hold.broken(observed, KIND))
    assert (
        "expected the status graded, got failed" in found
        and "no reason" in found
        and "failure of the grader itself" in found
    )
    assert must_hold.broken(Observed(), KIND) == ["4: no record of 'offender'"]


def test_too_long_and_a_run_that_did_not_end_by_itself(observed):
    observed.records["offender"].resources["seconds"] = 1000.0
    assert must_hold.broken(observed, KIND)[0].startswith("5: took 1000 s")
    observed.failed = "OSError: file name too long"
    assert must_hold.broken_by_class(observed) == ["5: the run failed with OSError: file name too long"]


def test_everything_that_point_three_sees(observed):
    observed.changed, observed.heard, observed.left, observed.shown = ["a"], ["TCP"], ["42 sleep"], ["page.html"]
    assert must_hold.broken_by_class(observed) == [
        "3: changed: a", "3: contacted: TCP", "3: process left running: 42 sleep", "3: shows hidden content: page.html",
    ]  # fmt: skip


def test_a_touched_canary_is_a_difference(tmp_path):
    (tmp_path / "canary").write_text("x", encoding="utf-8")
    os.symlink("canary", tmp_path / "link")
    before = must_hold.snapshot(tmp_path)
    assert must_hold.differences(before, must_hold.snapshot(tmp_path)) == []
    (tmp_path / "canary").write_text("y", encoding="utf-8")
    (tmp_path / "link").unlink()
    (tmp_path / "new").mkdir()
    assert must_hold.differences(before, must_hold.snapshot(tmp_path)) == [
        str(tmp_path / n) for n in ("canary", "link", "new")
    ]
    before = must_hold.snapshot(tmp_path)
    (tmp_path / "canary").chmod(0o600)
    assert must_hold.differences(before, must_hold.snapshot(tmp_path)) == [str(tmp_path / "canary")]


def test_listeners_say_when_they_heard_something(tmp_path):
    with Watch(tmp_path) as watch:
        assert watch.heard() == []
        socket.create_connection(("127.0.0.1", watch.targets.port)).close()
        for address in (str(watch.targets.path), f"\0{watch.targets.token}"):
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(address)
        assert watch.heard() == ["TCP", "unix", "abstract"]


@pytest.mark.parametrize("marked", ["command", "environment", "neither"])
def test_a_process_that_is_left_is_found(tmp_path, monkeypatch, marked):
    monkeypatch.setattr(must_hold, "PATIENCE", 0.5)
    with Watch(tmp_path) as watch:
        token = watch.targets.token
        sleep = "import time; time.sleep(60)"
        arguments = [token] if marked == "command" else []
        environment = {token: token} if marked == "environment" else {}
        child = subprocess.Popen([sys.executable, "-c", sleep, *arguments], env=environment)
        try:
            assert [line.split()[0] for line in watch.left()] == [str(child.pid)]
        finally:
            child.kill()
            child.wait()
        assert watch.left() == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("values 27182.0, 27182.0", True),
        ("got 27182", True),
        ("planted_values", True),
        ("seed 112718234", False),
        ("", False),
    ],
)
def test_the_planted_number_is_found_in_pages(tmp_path, text, seen):
    class Course:
        root = tmp_path

    page = tmp_path / "feedback" / "a" / "page.html"
    page.parent.mkdir(parents=True)
    page.write_text(f"<p>{text}</p>", encoding="utf-8")
    assert must_hold.shows(Course, "") == (["feedback/a/page.html"] if seen else [])
    assert must_hold.shows(Course, text)[:1] == (["the command's output"] if seen else [])


def test_marks_show_that_a_probe_got_through():
    """A probe's answer is right only if its statements do not fail."""
    space: dict = {}
    sources = []
    desk = type("Desk", (), {"fill": lambda self, text: text, "answered": lambda self, centre: sources.append(centre), "hand_in": lambda *_: None})()  # fmt: skip
    kinds = attack.answers.Kinds("group")
    kinds.probe("through", "", "pass")
    kinds.probe("stopped", "", "raise OSError")
    for kind in kinds:
        kind.submit(desk)
    np = pytest.importorskip("numpy")
    results = []
    for source in sources:
        exec(source, space)
        results.append(bool(np.allclose(space["centre"](np.array([1.0, 3.0])), [-1, 1])))
    assert results == [True, False]
    assert all(kind.marks != OPEN for kind in kinds)


@pytest.mark.parametrize(
    ("html", "seen"),
    [
        ("<script>alert(1)</script>", ["<script>"]),
        ("<p onclick='x()'>", ["onclick='x()'"]),
        ('<a href="javascript:x()">', ["href='javascript:x()'"]),
        ("<p>&lt;script&gt;</p><img alt='\"&gt;&lt;img src=x onerror=x()' src='data:image/png;base64,AAAA'>", []),
    ],
)
def test_what_a_page_runs_is_found(tmp_path, html, seen):
    class Course:
        feedback = tmp_path

    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    assert scenarios.pages(Course, tmp_path) == [f"3: page.html runs {what}" for what in seen]
