"""Attacks on the channel, the responder and the checker: nothing is earned by them, and the next student is judged as ever."""

import attacks
import pytest
from plain_kernel import plan

from autograder.outside.plan import with_answers
from autograder.outside.server import Server
from autograder.outside.walk import walk

HONEST = "def f(x):\n    return 2 * x"
COURSE = plan(
    "import numpy as np\nimport pytest\nfrom numpy.testing import assert_allclose\nexpected = 4",
    ("f", HONEST),
    ("f-1", "got = f(2)\nassert got == expected and got in (4, 5) and not got != 4", 1),
    ("f-2", "assert_allclose(f(np.ones(3)), 2 * np.ones(3))\nassert (f(np.ones(3)) == 2).all()", 1),
    ("f-3", "with pytest.raises(Exception):\n    f(None)", 1),
    ("f-4", "try:\n    got = f(2)\nexcept:\n    got = expected\nif not isinstance(got, (int, float)):\n    got = expected", 1),
    ("f-5", "f(0.5)", 1),
)  # fmt: skip
PASSES = {"f-1", "f-2", "f-3", "f-4", "f-5"}
SHORT = [cell for cell in COURSE if cell.id not in ("f-2", "f-5")]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(COURSE, tmp_path_factory.mktemp("instructor"))
    yield made
    made.close()


def passed(server, nursery, answer, folder=".", seconds=1.0, course=COURSE):
    with nursery.kernel(folder) as kernel, server.submission([answer]) as submission:
        verdicts = walk(with_answers(course, {"f": answer}), kernel, submission, {}, seconds, 10)
    assert all(0 <= v.points <= 1 and len(v.message) <= 500 for v in verdicts.values())
    return {id for id, verdict in verdicts.items() if verdict.status == "passed"}


@pytest.mark.parametrize("name", attacks.CHANNEL)
def test_attacks_on_the_channel_earn_nothing(server, nursery, name):
    # A cell that catches whatever happens, or expects an exception, does not pass either.
    assert passed(server, nursery, attacks.CHANNEL[name], seconds=0.7, course=SHORT) == set()


@pytest.mark.parametrize("name", attacks.VALUES)
def test_tricks_with_values_earn_nothing(server, nursery, name):
    assert not passed(server, nursery, attacks.VALUES[name]) & {"f-1", "f-2"}


def test_the_checker_survived_all_of_it(server, nursery):
    assert passed(server, nursery, HONEST, seconds=10) == PASSES


def test_files_of_a_student_shadow_nothing(nursery, tmp_path, monkeypatch):
    for name in ("numpy", "json", "pytest", "ast", "helper", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("def __getattr__(name): return lambda *a, **k: True\n")
    monkeypatch.chdir(tmp_path)  # even where the grader itself was started among them
    with Server(COURSE) as server:
        assert passed(server, nursery, "def f(x): return 0", tmp_path) == {"f-4"}
        assert passed(server, nursery, HONEST, tmp_path, 10) == PASSES


def test_what_a_hidden_check_asks_is_not_told(nursery):
    course = plan(
        "import unittest\nimport pytest",
        ("f", HONEST),
        ("f-1", "### BEGIN HIDDEN TESTS\ngot = f(31337)\nassert got == 62674, f'for the input the answer was {got}, which is not double'\n### END HIDDEN TESTS", 1),
        ("f-2", "### BEGIN HIDDEN TESTS\nunittest.TestCase().assertEqual(f(31337), 62674, 'numbers double')\n### END HIDDEN TESTS", 1),
        ("f-3", "### BEGIN HIDDEN TESTS\nassert f(31337) == 62674\n### END HIDDEN TESTS", 1),
        ("f-4", "### BEGIN HIDDEN TESTS\nassert f(31337) + 1 == 62675, 'one more'\n### END HIDDEN TESTS", 1),
    )  # fmt: skip
    told = {}
    tries = {
        "returns": "def f(x): return f'{x}!'", "raises": "def f(x): raise ValueError(f'{x}!')", "asserts": "def f(x): assert False, f'{x}!'",
        "class": "def f(x): raise type(f'E{x}', (Exception,), {})()", "prints": "def f(x): print(x)",
    }  # fmt: skip
    with Server(course) as server:
        for name, answer in tries.items():
            with nursery.kernel() as kernel, server.submission([answer]) as submission:
                told[name] = walk(with_answers(course, {"f": answer}), kernel, submission, {}, 5)
    for verdicts in told.values():
        assert all(
            v.status == "failed" and "31337" not in v.message and "62674" not in v.message for v in verdicts.values()
        )
    assert told["returns"]["f-1"].message == "for the input the answer was …, which is not double"
    assert told["returns"]["f-2"].message == "numbers double"
    assert told["returns"]["f-3"].message == "f: this property does not hold."
    assert "a TypeError" in told["returns"]["f-4"].message
    assert "stopped with a ValueError" in told["raises"]["f-1"].message
    assert "stopped with an AssertionError" in told["asserts"]["f-1"].message
    assert "an error of its own kind" in told["class"]["f-1"].message
