"""Attacks on the channel, the responder and the checker: nothing is earned by them, and the next student is judged as ever."""

import time
from concurrent.futures import ThreadPoolExecutor

import attacks
import pytest
from plain_kernel import cells_of, told_of

from autograder.check.runner.host import CheckerHost
from autograder.check.runner.servers import Program, Server
from autograder.errors import AutograderError
from autograder.notebook.code_cells import affected, for_marks, with_answers
from autograder.notebook.syntax import definition
from autograder.run.results import Policy, Seconds
from autograder.run.walk import judge_outside, walk

pytestmark = pytest.mark.kernel

HONEST = "def f(x):\n    return 2 * x"
COURSE = cells_of(
    "import numpy as np\nimport pytest\nfrom numpy.testing import assert_allclose\nexpected = 4",
    ("f", HONEST),
    ("f-1", "got = f(2)\nassert got == expected and got in (4, 5) and not got != 4", 1),
    ("f-2", "assert_allclose(f(np.ones(3)), 2 * np.ones(3))\nassert (f(np.ones(3)) == 2).all()", 1),
    ("f-3", "with pytest.raises(Exception):\n    f(None)", 1),
    ("f-4", "try:\n    got = f(2)\nexcept:\n    got = expected\nif not isinstance(got, (int, float)):\n    got = expected", 1),
    ("f-5", "f(0.5)", 1),
)  # fmt: skip
PASSES = {"f-1", "f-2", "f-3", "f-4", "f-5"}
SHORT = [cell for cell in COURSE if cell.id not in ("f-1", "f-2", "f-5")]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with CheckerHost(keras=False) as host, host.server(COURSE, tmp_path_factory.mktemp("instructor")) as made:
        yield made


def passed(server, nursery, answer, folder=".", seconds=1.0, course=COURSE):
    submitted = with_answers(course, {"f": answer})
    with server.submission([answer]) as submission:
        verdicts = walk(submitted, lambda: nursery.kernel(folder), submission, {}, Seconds(seconds, 10))
    assert all(0 <= v.points <= 1 and len(told_of(v)) <= 500 for v in verdicts.values())
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


def test_many_at_once_do_not_see_each_other(server, nursery):
    answers = [HONEST, "def f(x): return 0", attacks.CHANNEL["no frame"], HONEST] * 3
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda answer: passed(server, nursery, answer, seconds=10), answers))
    assert found == [PASSES, {"f-4"}, set(), PASSES] * 3


def test_a_checker_that_fails_is_not_the_student_s_fault(nursery):
    with pytest.raises(AutograderError, match="did not start"):
        Server(COURSE, start=lambda theirs: Program(theirs, ["false"]))
    with Server(COURSE) as server:
        assert passed(server, nursery, HONEST, seconds=10) == PASSES
        server.process.kill()
        server.process.wait()
        with pytest.raises(AutograderError, match="stopped unexpectedly"):
            passed(server, nursery, HONEST)


def test_files_of_a_student_shadow_nothing(nursery, tmp_path, monkeypatch):
    for name in ("numpy", "json", "pytest", "ast", "helper", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("def __getattr__(name): return lambda *a, **k: True\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)  # even where the grader itself was started among them
    with Server(COURSE) as server:
        assert passed(server, nursery, "def f(x): return 0", tmp_path) == {"f-4"}
        assert passed(server, nursery, HONEST, tmp_path, 10) == PASSES


def test_the_instructor_s_helpers_are_not_served_by_the_student(nursery):
    course = cells_of(
        "def demand(ok):\n    assert ok",
        ("f", HONEST),
        "judge = f(1) and demand",
        ("f-1", "judge(False)", 1),
        ("f-2", "missing_everywhere(False)", 1),
    )
    with Server(course) as server:
        for stolen in ("lambda ok: None", "bool", "ValueError", "int", "iter([])"):
            answer = f"{HONEST}\njudge = missing_everywhere = {stolen}"
            with nursery.kernel() as kernel, server.submission([answer]) as submission:
                kernel.run(answer)
                found = {
                    cell.id: judge_outside(cell, kernel, submission, Policy(), 5)[0] for cell in course if cell.points
                }
                assert found["f-1"].status == found["f-2"].status == "failed"
                assert "is defined in the student's process" in told_of(found["f-1"])


def test_the_source_that_a_check_reads_is_the_one_that_the_name_stands_for(nursery):
    course = cells_of(
        "import inspect",
        ("f", "def f(x):\n    s = 0\n    for v in x:\n        s += v\n    return s"),
        ("f-1", "assert 'sum(' not in inspect.getsource(f)\nassert f([1, 2]) == 3", 1),
    )
    decoy = "    s = 0\n    for v in x:\n        s += v\n    return s\n"
    tries = {
        f"def f(x):\n{decoy}": "passed",
        f"def f(x):\n{decoy}f = sum": "failed",
        f"if 0:\n  def f(x):\n{decoy}else:\n    from builtins import sum as f": "failed",
        f"def g(x):\n{decoy}f = lambda x: sum(x)\nf.__name__ = 'g'": "failed",
    }
    with Server(course) as server:
        for answer, status in tries.items():
            with server.submission([answer]) as submission:
                found = walk(with_answers(course, {"f": answer}), nursery.kernel, submission, {}, Seconds(5))
            assert found["f-1"].status == status, answer


def test_the_line_that_failed_is_told_where_students_may_see_it(nursery):
    course = cells_of(("f", HONEST), ("f-1", "for n in (1, 2):\n    assert f(n) == 2 * n", 1))
    with Server(course) as server, server.submission() as submission:
        wrong = with_answers(course, {"f": "def f(x): return 2"})
        found = walk(wrong, nursery.kernel, submission, {}, Seconds(5))
    assert told_of(found["f-1"]) == "f: this does not hold: assert f(n) == 2 * n"


def test_what_a_hidden_check_asks_is_not_told(nursery):
    course = cells_of(
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
        "object": "def f(x): return type(f'O{x}', (), {})()",
    }  # fmt: skip
    with Server(course) as server:
        for name, answer in tries.items():
            with server.submission([answer]) as submission:
                told[name] = walk(with_answers(course, {"f": answer}), nursery.kernel, submission, {}, Seconds(5))
    for verdicts in told.values():
        assert all(
            v.status == "failed" and "31337" not in told_of(v) and "62674" not in told_of(v) for v in verdicts.values()
        )
    assert told_of(told["returns"]["f-1"]) == "for the input the answer was …, which is not double"
    assert told_of(told["returns"]["f-2"]) == "numbers double"
    assert told_of(told["returns"]["f-3"]) == "f: this property does not hold."
    assert "a TypeError" in told_of(told["returns"]["f-4"])
    assert "raised a ValueError" in told_of(told["raises"]["f-1"])
    assert "raised an AssertionError" in told_of(told["asserts"]["f-1"])
    assert "a custom exception" in told_of(told["class"]["f-1"])


SERVED = (
    HONEST
    + """
import sys
r = sys.modules["course_responder"]
last, real = [0], r.Responder.do_get
def f(x):
    last[0] = 5
    return 5
answers = {"x": lambda: 1, "y": lambda: 5, "ok": lambda: True, "wrong": lambda: 0, "same": lambda: lambda *a: None, "truth": lambda: 5}
r.Responder.do_get = lambda self, name: answers[name]() if name in answers else real(self, name)
"""
)


def test_what_a_check_stores_is_not_served_by_the_student(nursery):
    course = cells_of(
        ("f", "x = y = 0\nok = True\nwrong = truth = 0\nsame = abs\nlimit = 2\ndef f(x):\n    return limit * x"),
        ("f-1", "for x, y in ((1, 2), (3, 6)):\n    assert f(x) == y", 1),
        ("f-2", "ok = True\nfor n in (1, 2):\n    ok = ok and f(n) == 2 * n\nassert ok", 1),
        ("f-3", "def same(a, b):\n    assert a == b\nsame(f(1), 2)", 1),
        (
            "f-4",
            "wrong = 0\ndef count(n):\n    global wrong\n    wrong += f(n) != 2 * n\ncount(1)\ncount(2)\nassert wrong == 0",
            1,
        ),
        (
            "f-5",
            "with open('/dev/null') as x:\n    pass\ntruth = 2\nassert f(1) == truth\ndel truth\nassert 'truth' not in globals()",
            1,
        ),
        ("f-6", "limit = 3\nassert f(2) == 2 * limit\nlimit = 2\nassert f(2) == 4", 1),
    )
    with Server(course) as server:
        for answer, status in ((course[0].source, "passed"), (SERVED, "failed")):
            with server.submission([answer]) as submission:
                found = walk(with_answers(course, {"f": answer}), nursery.kernel, submission, {}, Seconds(5))
            assert [v.status for v in found.values()] == [status] * 6, found


def test_what_a_check_expects_is_not_stored_for_the_student(nursery):
    course = cells_of(
        ("f", "x = y = 0\nscale = 2\ndef f(x):\n    return scale * x"),
        ("f-1", "for x, y in ((1, 2), (3, 6)):\n    assert f(x) == y", 1),
        ("f-2", "scale = 3\nassert f(1) == 3", 1),
        ("g", "level = scale\ndef g():\n    return level"),
        ("g-1", "assert g() == 3", 1),
    )
    peeks = {"f": "y = 0\nscale = 2\ndef f(x): return y if x != 1 or scale == 2 else 3"}
    with Server(course) as server:
        for answers, passing in (({}, {"f-1", "f-2", "g-1"}), (peeks, {"f-2", "g-1"})):
            with server.submission() as submission:
                found = walk(with_answers(course, answers), nursery.kernel, submission, {}, Seconds(5))
            assert {id for id, verdict in found.items() if verdict.status == "passed"} == passing, found


def test_what_a_check_demands_in_a_callback_is_neither_told_nor_caught(nursery):
    course = cells_of(
        ("f", "def f(g, x):\n    return g(x)"),
        ("f-1", "def probe(v):\n    assert v == 42, f'expected 42, not {v}'\nf(probe, 42)", 1),
    )
    tries = {
        "def f(g, x):\n    return g(x)": "passed",
        "def f(g, x):\n    try:\n        return g(0)\n    except AssertionError:\n        pass": "failed",
        "def f(g, x):\n    try:\n        g(0)\n    except AssertionError as e:\n        global told\n        told = str(e)": "failed",
    }
    with Server(course) as server, nursery.kernel() as kernel:
        for answer, status in tries.items():
            kernel.run(answer)
            with server.submission([answer]) as submission:
                found, _ = judge_outside(course[1], kernel, submission, Policy(), 5)
            assert found.status == status
        assert told_of(found) == "AssertionError: expected 42, not 0"
        assert kernel.run("told").value == "''"


def test_callbacks_without_end_cost_the_cell(nursery):
    course = cells_of(
        ("f", "def f(g):\n    return g(f)"), ("f-1", "try:\n    f(lambda h: 4)\nexcept BaseException:\n    pass", 1)
    )
    tries = {
        "def f(g):\n    return g(f)": "passed",
        "def f(g):\n    while True: g(f)": "failed",
        "def f(g):\n    return g(*[f] * 3000000)": "failed",
        "import sys\nr = sys.modules['course_responder']\ndef f(g):\n    g._number = 10**30\n    return g(f)": "failed",
    }
    with Server(course) as server:
        for answer, status in tries.items():
            # Two of them fail by this limit alone, so it must be far from what they take, and from what an honest answer takes.
            limits = Seconds(1 if status == "failed" else 30)
            with server.submission([answer]) as submission:
                found = walk(with_answers(course, {"f": answer}), nursery.kernel, submission, {}, limits)
            assert found["f-1"].status == status, answer


def test_what_a_student_changes_does_not_reach_the_next_check(nursery):
    course = cells_of(
        "import numpy as np\ntruth = np.array([1.0, 2.0])\nnames = ['a']\nages = {'a': 1}",
        ("f", "def f(*x):\n    return 3.0"),
        ("f-1", "assert f(truth, names, ages) == 3.0", 1),
        ("g", "def g():\n    return [1.0, 2.0], ['a'], {'a': 1}"),
        ("g-1", "assert g() == (truth.tolist(), names, ages)", 1),
    )
    spoils = {
        "f": "def f(t, n, a):\n    t[:] = 0\n    n.clear()\n    a.clear()\n    return 3.0",
        "g": "def g():\n    return [0.0, 0.0], [], {}",
    }
    for answers, status in (({}, "passed"), (spoils, "failed"), ({"f": spoils["f"]}, "passed")):
        with Server(course) as server, server.submission() as submission:
            found = walk(with_answers(course, answers), nursery.kernel, submission, {}, Seconds(5))
        assert found["g-1"].status == status


def test_an_exception_of_the_student_does_not_catch_the_check_s(nursery):
    course = cells_of(
        "import pytest",
        ("f", "class Own(ValueError):\n    pass\ndef f(x):\n    raise Own(x)"),
        ("f-1", "try:\n    f(-1)\n    assert False, 'it did not raise'\nexcept Own:\n    pass", 1),
    )
    with Server(course) as server:
        for own in ("Exception", "BaseException", "AssertionError", "(Exception, AssertionError)"):
            answer = f"Own = {own}\ndef f(x): return x"
            with server.submission([answer]) as submission:
                found = walk(with_answers(course, {"f": answer}), nursery.kernel, submission, {}, Seconds(5))
            assert found["f-1"].status == "failed", own
        honest = (
            course[1].source,
            "Own = Exception\ndef f(x): raise Own(x)",
            "class Own(Exception):\n    pass\nclass Less(Own):\n    pass\ndef f(x): raise Less(x)",
        )
        for answer in honest:
            with server.submission([answer]) as submission:
                found = walk(with_answers(course, {"f": answer}), nursery.kernel, submission, {}, Seconds(5))
            assert found["f-1"].status == "passed", answer


def test_partial_credit_is_a_number(nursery):
    course = cells_of(
        "cases = [(1, 2), (2, 4)]", ("f", HONEST), ("f-1", "sum(f(x) == y for x, y in cases) / len(cases)", 1)
    )
    tries = {
        HONEST: 1, "def f(x): return 2": 0.5, "import numpy as np\ndef f(x): return np.zeros(0)": 0,
        "import numpy as np\ndef f(x): return np.zeros((2, 2))": 0, "import pandas as pd\ndef f(x): return pd.Series([2, 4, 6])": 0,
        "import numpy as np\ndef f(x): return np.array([2])": 0.5,
    }  # fmt: skip
    with Server(course) as server:
        for answer, points in tries.items():
            with server.submission([answer]) as submission:
                found = walk(with_answers(course, {"f": answer}), nursery.kernel, submission, {}, Seconds(5))
            assert found["f-1"].points == points, answer


@pytest.mark.parametrize(
    "source",
    ["-" * 100_000 + "1", "(" * 100_000, "a" + ".b" * 50_000, "a" + ".b" * 2_500, "1" + "+1" * 50_000, "a\0b", "x = '\ud800'",
     "if a: pass\n" + "elif b: pass\n" * 3_000, "x " + "?" * 200_000 + " x", "!" + " ?" * 100_000],
    ids=range(10),
)  # fmt: skip
def test_the_text_of_a_cell_stops_nobody_who_reads_it(source):
    begun = time.monotonic()
    cells = with_answers(COURSE, {"f": source})
    assert for_marks(cells) and affected(cells, ["f"]) and definition("f", [source]) is None
    assert time.monotonic() - begun < 5


def test_what_was_earned_survives_the_death_of_the_kernel(nursery):
    course = cells_of(
        ("f", "def f(x):\n    return x"),
        ("f-1", "def helper(v):\n    return f(v)\nassert helper(1) == 1", 1),
        ("g", "def g(x):\n    return x + 1"),
        ("g-1", "assert g(1) == 2", 1),
        ("g-2", "assert g(2) == 3", 1),
        ("h", "def h(x):\n    return x + 2"),
        ("h-1", "assert helper(1) == 1 and h(1) == 3", 1),
    )
    dies_when_called = {"g": "import os\ndef g(x):\n    return os._exit(0) if x == 1 else x + 1"}
    dies_at_once = {"g": "import os\nos.kill(os.getpid(), 9)"}
    with Server(course) as server:
        for answers, lost in ((dies_when_called, {"g-1"}), (dies_at_once, {"g-1", "g-2"})):
            with server.submission() as submission:
                found = walk(with_answers(course, answers), nursery.kernel, submission, {}, Seconds(10))
            assert {id for id, verdict in found.items() if verdict.status != "passed"} == lost
        with server.submission() as submission:
            found = walk(course, nursery.kernel, submission, {}, Seconds(total=0))
        assert all(verdict.status == "not run" and verdict.points == 0 for verdict in found.values())
