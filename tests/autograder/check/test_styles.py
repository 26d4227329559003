"""Every style of check cell gives the same marks outside as inside: all for the right answer, none for the wrong one."""

import json
from functools import partial
from pathlib import Path

import nbformat
import nbgrader
import pytest
from plain_kernel import cells_of, told_of
from styles import STYLES

from autograder.check.runner.servers import Server
from autograder.notebook.code_cells import SOLUTION, code_cells_of
from autograder.run.calibration import Calibration, calibrate
from autograder.run.results import Policy, Seconds
from autograder.run.walk import walk

pytestmark = pytest.mark.kernel


def cells(answer):
    for id, locked, right, wrong, check, points in STYLES:
        *before, check = check if isinstance(check, tuple) else (check,)
        yield from [locked] if locked else []
        yield id, right if answer == "right" else wrong
        yield from before
        yield f"{id}-1", check, points


@pytest.fixture(scope="module")
def graded(nursery):
    """By answer and place, the verdicts on all styles, which stand in one notebook below each other."""
    reference, found = cells_of(*cells("right")), {}
    outside: dict[str, Policy] = {f"{style[0]}-1": Policy(in_place=None) for style in STYLES}
    with Server(reference) as server:
        for answer in ("right", "wrong"):
            submitted = cells_of(*cells(answer))
            sources = [cell.source for cell in submitted if cell.kind == SOLUTION]
            found[answer, "inside"] = walk(submitted, nursery.kernel, None, {})
            with server.submission(sources) as submission:
                found[answer, "outside"] = walk(submitted, nursery.kernel, submission, outside, Seconds(10))
            outside = {id: Policy(in_place=verdict.in_place) for id, verdict in found["right", "outside"].items()}
    return found


@pytest.mark.parametrize("place", ["inside", "outside"])
@pytest.mark.parametrize(("id", "points"), [(style[0], style[-1]) for style in STYLES])
def test_right_and_wrong(graded, id, points, place):
    right, wrong = graded["right", place][f"{id}-1"], graded["wrong", place][f"{id}-1"]
    assert (right.status, right.points) == ("passed", points), told_of(right)
    assert wrong.status != "passed" and wrong.points < points
    assert wrong.points == graded["wrong", "outside"][f"{id}-1"].points


def test_what_cannot_run_outside_is_found_and_told(nursery, tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a_helper_of_the_course.py").write_text(
        "def doubled(x):\n    return 2 * x\n", encoding="utf-8"
    )
    course = cells_of(
        "import sys, unittest.mock\nsys.path.append('parts')\nfrom a_helper_of_the_course import doubled",
        ("Dog", "class Dog:\n    def __init__(self, name):\n        self.name = name"),
        ("Dog-1", "assert Dog('rex').name == 'rex'", 1),
        ("greet", "def greet():\n    print('hello')"),
        ("greet-1", "with unittest.mock.patch('builtins.print') as printed:\n    greet()\nprinted.assert_called_with('hello')", 1),
        ("twice", "def twice(x):\n    return 2 * x"),
        ("twice-1", "assert twice(2) == 4 == doubled(2)", 1),
        ("twice-2", "result = twice(2)", 1),
        ("twice-3", "assert twice(2) == 5", 1),
        ("twice-4", "import os\nassert not os.path.exists('seen')\nopen('seen', 'w').close()", 1),
    )  # fmt: skip
    with Server(course, tmp_path) as server:
        kernel = partial(nursery.kernel, tmp_path)
        found = calibrate(course, server, kernel, {"adds": {"twice": "def twice(x):\n    return x + 2"}}, Seconds(5))
    assert set(found.inside) == {"Dog-1", "greet-1"} and found.inside["Dog-1"].answer == "reference"
    assert Calibration.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert "always raises" not in found.weak["twice-2"] and "returns NaN" in found.weak["twice-2"]
    assert set(found.weak) == {"twice-2"} and set(found.wrong_reference) == {"twice-3"}
    assert found.by_luck == {"twice-4": "reference"}
    told = "\n".join(found.problems())
    assert "Dog-1: checked in the student's process, not tamper-proof" in told and "twice-2: weak" in told


def test_quickstart_of_nbgrader_runs_outside(nursery):
    course = Path(nbgrader.__file__).parent / "docs/source/user_guide/source/ps1/problem1.ipynb"
    cells = code_cells_of(nbformat.read(course, as_version=4))
    with Server(cells) as server:
        found = calibrate(cells, server, nursery.kernel)
    assert len(found.policies) == 4 and found.inside == {} and found.wrong_reference == {}
    assert found.weak == {"squares_invalid_input": ["always raises"]}
