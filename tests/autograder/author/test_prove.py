"""Prove: the tiny course keeps its promises, and each way to break one is seen and told."""

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from autograder.author import proofs, prove
from autograder.author.lab_source import load_lab
from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError

pytestmark = pytest.mark.kernel

COURSE = Path(__file__).parents[1] / "course"


@pytest.fixture
def lab(tmp_path):
    shutil.copytree(COURSE, tmp_path / "course", ignore=shutil.ignore_patterns(".*", "__pycache__"))
    return tmp_path / "course" / "solutions" / "01_tiny"


def broken(folder, seconds=5.0):
    return {(r.exercise, r.answer): r for r in prove.prove_lab(load_lab(folder), 2, seconds) if not r.ok}


def mutant(folder, name, body, loses="normalise-1, normalise-2", told="Is the `return` missing?"):
    text = f'"""Why.\n\nloses: {loses}\ntold: {told}\n"""\n{body}\n'
    (folder / "mutants" / "normalise" / f"{name}.py").write_text(text, encoding="utf-8")


def test_the_tiny_course_is_as_stated_until_a_source_of_it_changes(lab):
    out = io.StringIO()
    course = LabCourse(lab.parents[1])
    assert not proofs.holds(course, lab)
    assert prove.run(course, ["01"], console=Console(file=out, width=200)) is True
    assert proofs.holds(course, lab)
    rows = prove.prove_lab(load_lab(lab))
    assert all(row.ok for row in rows) and len(rows) == 11
    by_answer = {(r.exercise, r.answer): r for r in rows}
    assert by_answer["normalise", "reference"].lost == ()
    assert by_answer["normalise", "stub"].lost == ("normalise-1", "normalise-2")
    assert "11 answers, all as expected" in out.getvalue()
    hidden = lab / "hidden" / "normalise.py"
    hidden.write_text(hidden.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert not proofs.holds(course, lab)


def test_promises_that_do_not_hold_are_told_with_expected_and_got(lab):
    returns_nothing = "def normalise(film):\n    pass"
    mutant(lab, "says_too_little", returns_nothing, loses="normalise-1")
    mutant(lab, "told_otherwise", returns_nothing, told="Something else")
    mutant(
        lab,
        "hangs",
        "def normalise(film):\n    while True:\n        try:\n            pass\n        except:\n            pass",
    )
    mutant(lab, "exits", "import sys\ndef normalise(film):\n    sys.exit(0)")
    mutant(lab, "does_not_run", "1 / 0\ndef normalise(film):\n    pass")
    mutant(lab, "by_luck", "import time\ndef normalise(film):\n    return film * (film.shape[0] % 2)", loses="nothing")
    rows = broken(lab, seconds=1.0)
    assert {answer for _, answer in rows} == {
        "mutant says_too_little", "mutant told_otherwise", "mutant hangs", "mutant exits", "mutant does_not_run", "mutant by_luck",
    }  # fmt: skip
    little = rows["normalise", "mutant says_too_little"]
    assert "loses normalise-1;" in little.expected and "loses normalise-1, normalise-2;" in little.got
    assert "Is the `return` missing?" in rows["normalise", "mutant told_otherwise"].got
    assert "TooSlow: stopped after 1 s" in rows["normalise", "mutant hangs"].got
    assert "SystemExit" in rows["normalise", "mutant exits"].got
    assert "ZeroDivisionError" in rows["normalise", "mutant does_not_run"].got


def test_a_check_that_passes_everybody_or_nobody_is_seen(lab):
    hidden = lab / "hidden" / "normalise.py"
    text = hidden.read_text(encoding="utf-8")
    hidden.write_text(
        text.replace("def normalise_2(f, rng):", "def normalise_2(f, rng):\n    return\n"), encoding="utf-8"
    )
    rows = broken(lab)
    assert ("normalise", "stub") in rows and "loses normalise-1;" in rows["normalise", "stub"].got
    hidden.write_text(
        text.replace("def normalise_1(f, rng):", "def normalise_1(f, rng):\n    raise AssertionError('no')\n"),
        encoding="utf-8",
    )
    assert ("normalise", "reference") in broken(lab)


def test_marks_that_depend_on_the_seed_are_seen(lab):
    hidden = lab / "hidden" / "normalise.py"
    lucky = "def normalise_2(f, rng):\n    if rng.random() < 0.7:\n        return\n"
    hidden.write_text(hidden.read_text(encoding="utf-8").replace("def normalise_2(f, rng):", lucky), encoding="utf-8")
    rows = {(r.exercise, r.answer): r for r in prove.prove_lab(load_lab(lab), 5)}
    assert "depends on the seed" in rows["normalise", "stub"].got


def test_an_answer_that_kills_the_process_does_not_hide_the_others(lab):
    mutant(lab, "kills", "import os\ndef normalise(film):\n    os._exit(3)")
    rows = broken(lab)
    assert "ended the process (the process exited with status 3" in rows["normalise", "mutant kills"].got
    assert "not checked" in rows["heart_share", "reference"].got


def test_a_setup_cell_that_fails_is_named(lab):
    source = lab / "01_tiny.py"
    source.write_text(
        source.read_text(encoding="utf-8").replace("import tiny_checks as checks", "import no_such_checks as checks"),
        encoding="utf-8",
    )
    out = io.StringIO()
    course = LabCourse(lab.parents[1])
    proofs.keep(course, lab, True)
    assert prove.run(course, console=Console(file=out, width=200)) is False
    assert not proofs.holds(course, lab)
    assert "01_tiny.py, line" in out.getvalue() and "no_such_checks" in out.getvalue()


def test_an_unknown_lab_is_an_error():
    with pytest.raises(AutograderError, match="There is no lab '7'"):
        prove.run(LabCourse(COURSE), ["7"], console=Console(quiet=True))
