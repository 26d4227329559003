"""Our own labs: every check runs outside, with the marks that stock nbgrader would give and that the mutants' files state."""

from pathlib import Path

import pytest
from plain_kernel import cells_of, told_of

from autograder.author import build
from autograder.author.lab_source import load_whole_labs
from autograder.check.runner.seeds import keyed_checks
from autograder.check.runner.servers import Server
from autograder.course.lab_course import LabCourse
from autograder.notebook.code_cells import LOCKED, code_cells_of, for_marks, with_answers
from autograder.run.calibration import calibrate, why_inside
from autograder.run.results import Seconds
from autograder.run.walk import walk

pytestmark = pytest.mark.kernel

SOLUTIONS = Path(__file__).parents[3] / "solutions"
LABS = {lab.name: lab for lab in load_whole_labs(LabCourse(SOLUTIONS.parent))}


def cells_for_marks(lab, stem):
    return for_marks(code_cells_of(build.notebook(lab, stem)))


@pytest.fixture(scope="module")
def server_of():
    """The checker server of a notebook, started when it is first asked for."""
    started = {}

    def get(lab, stem):
        if stem not in started:
            started[stem] = Server(cells_for_marks(lab, stem))
        return started[stem]

    yield get
    for server in started.values():
        server.close()


def answers():
    """Those of lab 00. Of all labs, test_marks judges every answer outside, and test_parity inside too."""
    lab = LABS["00_welcome"]
    for exercise in lab.exercises:
        everything = {cell.id for cell in exercise.cells}
        named = [("reference", exercise.reference, set()), ("stub", exercise.stub, everything)]
        named += [(m.name, m.source, set(m.loses)) for m in exercise.mutants]
        for name, source, loses in named:
            yield pytest.param(lab, exercise, source, loses, id=f"{lab.number}-{exercise.key}-{name}")


@pytest.mark.parametrize(("lab", "exercise", "source", "loses"), list(answers()))
def test_the_same_marks_outside_and_inside(lab, exercise, source, loses, server_of, keras_nursery):
    ids = {cell.id for cell in exercise.cells}
    cells = cells_for_marks(lab, exercise.notebook)
    cells = [c for c in cells if c.kind == LOCKED or c.id in ids or c.id == exercise.key]
    submitted = with_answers(cells, {exercise.key: source})
    inside = walk(submitted, keras_nursery.kernel, None, {}, Seconds(120))
    with server_of(lab, exercise.notebook).submission([source]) as submission:
        outside = walk(submitted, keras_nursery.kernel, submission, {}, Seconds(120))
    assert {id for id in ids if inside[id].status != "passed"} == loses
    assert {id for id in ids if outside[id].status != "passed"} == loses, {id: told_of(outside[id]) for id in ids}
    assert not any(verdict.in_place for id, verdict in outside.items()) or source != exercise.reference


def test_lab_00_is_calibrated(server_of, keras_nursery):
    lab = LABS["00_welcome"]
    mutants = {m.name: {e.key: m.source} for e in lab.exercises for m in e.mutants}
    cells = cells_for_marks(lab, "00_welcome")
    found = calibrate(cells, server_of(lab, "00_welcome"), keras_nursery.kernel, mutants)
    assert found.inside == {} and found.wrong_reference == {}
    assert set(found.weak) == {"window-3"}  # it only asks that the film is left alone, which doing nothing does


def test_each_student_gets_inputs_of_their_own():
    lab = LABS["00_welcome"]
    cells = cells_for_marks(lab, "00_welcome")
    (ann, seeds), (bob, _), (again, _) = (keyed_checks(cells, b"secret", who) for who in ("ann", "bob", "ann"))
    assert ann == again and set(ann) == {"window-1", "window-2", "window-3"} == set(seeds)
    assert all(ann[id] != bob[id] and str(seeds[id]) in ann[id] for id in ann)
    assert keyed_checks(cells, b"another", "ann")[0] != ann


def test_a_submission_can_have_checks_of_its_own(nursery):
    course = cells_of(("f", "def f(x):\n    return x"), ("f-1", "assert f(1) == 1", 1))
    with Server(course) as server:
        with server.submission([], {"f-1": "assert f(2) == 3, 'changed'"}) as submission:
            assert told_of(walk(course, nursery.kernel, submission, {})["f-1"]) == "AssertionError: changed"
        with server.submission() as submission:
            assert walk(course, nursery.kernel, submission, {})["f-1"].status == "passed"


def test_networks_and_tensors_go_both_ways(keras_nursery):
    course = cells_of(
        "import keras\nimport numpy as np\nimport tensorflow as tf\nkeras.utils.set_random_seed(1)\n"
        "net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation='softmax')])",
        ("score", "def score(model, x):\n    return model(x)"),
        ("score-1", "x = np.eye(2, dtype='f4')\nfor _ in range(3):\n    assert np.allclose(score(net, x), net(x), atol=1e-6)", 1),
        ("score-2", "net.set_weights([w + 1 for w in net.get_weights()])\nassert np.allclose(score(net, x), net(x), atol=1e-6)", 1),
        ("halve", "def halve(model):\n    model.set_weights([w / 2 for w in model.get_weights()])"),
        ("halve-1", "before = net.get_weights()\nhalve(net)\nassert np.allclose(net.get_weights()[1], before[1] / 2)\nassert halve(net) is None", 1),
        ("head", "import keras\ndef head(n):\n    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(n, name='out')])"),
        ("head-1", "made = head(3)\nassert made.get_layer('out').units == 3 and made(np.ones((1, 4))).shape == (1, 3)", 1),
        ("kind", "def kind(t):\n    return type(t).__name__"),
        ("kind-1", "assert kind(tf.constant([1.0])) == 'EagerTensor' and kind(np.ones(2)) == 'ndarray'", 1),
    )  # fmt: skip
    lambda_head = (
        "import keras\ndef head(n):\n    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(n, name='out'),"
        " keras.layers.Lambda(lambda x: x)])"
    )
    with Server(course) as server:
        found = calibrate(
            course,
            server,
            keras_nursery.kernel,
            {"a lambda": {"head": lambda_head}, "not halved": {"halve": "def halve(model):\n    pass"}},
        )
    assert found.policies["halve-1"].in_place and not found.policies["score-1"].in_place
    assert set(found.inside) == {"head-1"} and "Lambda" in why_inside(found.inside["head-1"])
    assert found.wrong_reference == {} and found.weak == {}
