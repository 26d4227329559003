"""The front of the attribution methods: right maps, whatever was built before; bad input and dead processes are told.

Networks are tiny, so that building is what takes time; one child process serves the whole file.
"""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from small_network import SHAPE, TARGETS, balanced, gradient, logits_of, network, some_films

import medxai
from medxai import ExplanationError, NotExplainableError, create_analyzer
from medxai.explain import analyzers, innvestigate_process, pipe
from medxai.explain.analyzers import METHODS

pytestmark = pytest.mark.kernel

L = tf.keras.layers


@pytest.fixture(scope="module")
def model(films):
    return balanced(films)


@pytest.fixture(scope="module")
def films():
    return some_films()


# iNNvestigate's own calls, in a process of their own, a new default graph for each.
OWN_CALLS = """
    import sys, numpy as np, tensorflow as tf
    tf.compat.v1.disable_eager_execution()
    import innvestigate
    folder, *names = sys.argv[1:]
    given = np.load(folder + "/given.npz")
    maps = {}
    for name in names:
        # One index for each film: a single one reaches only the first film in its own integrated gradients.
        modes = {"max_activation": {}, "index": {"neuron_selection": [1] * len(given["films"])}}
        for mode, chosen in modes.items():
            if mode == "index" and name not in ("integrated_gradients", "lrp.sequential_preset_b_flat"):
                continue
            tf.keras.backend.clear_session()
            model = tf.keras.models.model_from_json(open(folder + "/model.json").read())
            model.set_weights([given[f"w{i}"] for i in range(len(model.get_weights()))])
            model = innvestigate.model_wo_softmax(model)
            more = {"steps": 5} if name == "integrated_gradients" else {}
            analyzer = innvestigate.create_analyzer(name, model, neuron_selection_mode=mode, **more)
            maps[name + " " + mode] = analyzer.analyze(given["films"], **chosen)
    np.savez(folder + "/maps.npz", **maps)
"""


@pytest.mark.slow(reason="builds every analyzer twice")
def test_maps_are_those_of_innvestigates_own_calls(model, films, tmp_path):
    names = [name for name in METHODS if name != "smoothgrad"]  # random there: see test_smoothgrad.py
    (tmp_path / "model.json").write_text(model.to_json(), encoding="utf-8")
    weights = {f"w{i}": w for i, w in enumerate(model.get_weights())}
    np.savez(tmp_path / "given.npz", films=films, **weights)
    code = textwrap.dedent(OWN_CALLS)
    own = subprocess.run(
        [sys.executable, "-c", code, tmp_path, *names], capture_output=True, encoding="utf-8", timeout=300
    )
    assert own.returncode == 0, own.stderr
    theirs = np.load(tmp_path / "maps.npz")
    for name in names:
        analyzer = create_analyzer(name, model, **({"steps": 5} if name == "integrated_gradients" else {}))
        for mode, target in (("max_activation", None), ("index", 1)):
            if f"{name} {mode}" not in theirs:
                continue
            ours = analyzer.analyze(films, target)
            assert ours.dtype == np.float32 and np.abs(ours).max() > 0, name
            tolerance = 1e-5 * np.abs(ours).max()
            np.testing.assert_allclose(ours, theirs[f"{name} {mode}"], atol=tolerance, err_msg=f"{name} {mode}")


def test_the_gradient_is_that_of_the_eager_kernel(model, films):
    np.testing.assert_allclose(
        create_analyzer("gradient", model).analyze(films, TARGETS), gradient(model, films, TARGETS), atol=1e-6
    )
    absolute = create_analyzer("gradient", model, postprocess="abs").analyze(films, TARGETS)
    np.testing.assert_allclose(absolute, np.abs(gradient(model, films, TARGETS)), atol=1e-6)


def test_no_target_means_the_winner_of_each_film(model, films):
    winners = logits_of(model).predict(films, verbose=0).argmax(axis=1)
    assert len(set(winners)) > 1  # one class for all would hide a mix-up
    for name in ("gradient", "lrp.epsilon", "smoothgrad"):
        analyzer = create_analyzer(name, model)
        np.testing.assert_array_equal(analyzer.analyze(films), analyzer.analyze(films, winners))


@pytest.mark.parametrize("name", METHODS)
def test_a_map_depends_on_its_film_and_class_alone(model, films, name):
    """Not on the other films, on what was explained or built before, nor on how much goes at once."""
    analyzer = create_analyzer(name, model)
    together = analyzer.analyze(films, TARGETS)
    tolerance = 1e-6 * np.abs(together).max()
    alone = [create_analyzer(name, model).analyze(films[i : i + 1], int(TARGETS[i]))[0] for i in (3, 0)]
    np.testing.assert_allclose(alone, together[[3, 0]], atol=tolerance)
    one_by_one = create_analyzer(name, model, memory_gb=1e-9).analyze(films, TARGETS)
    np.testing.assert_allclose(one_by_one, together, atol=tolerance)
    if name != "deep_taylor":  # which knows the sign of the logit only as zero or not
        assert np.abs(analyzer.analyze(films[:1], 0) - analyzer.analyze(films[:1], 1)).max() > tolerance


def test_maps_do_not_depend_on_what_was_built_before(model, films):
    """In one shared graph iNNvestigate's LRP presets change once integrated gradients has been built."""
    names = ("lrp.sequential_preset_a_flat", "lrp.sequential_preset_b_flat")
    analyzers._CHILD.stop()
    fresh = [create_analyzer(name, model).analyze(films, 1) for name in names]
    analyzers._CHILD.stop()
    for name in ("integrated_gradients", "lrp.z", "smoothgrad", "deconvnet"):
        create_analyzer(name, model).analyze(films, 1)
    for name, before in zip(names, fresh, strict=True):
        assert np.array_equal(create_analyzer(name, model).analyze(films, 1), before)


def test_new_weights_change_every_map_as_a_rebuild_would(films):
    trained, other = network(seed=11), network(seed=12)
    explainers = {name: create_analyzer(name, trained) for name in METHODS}
    before = {name: explainer.analyze(films, 1) for name, explainer in explainers.items()}
    old = trained.get_weights()
    trained.set_weights(other.get_weights())
    pushed = {name: explainer.analyze(films, 1) for name, explainer in explainers.items()}
    analyzers._CHILD.stop()
    for name, maps in pushed.items():
        rebuilt = create_analyzer(name, other).analyze(films, 1)
        np.testing.assert_allclose(maps, rebuilt, atol=1e-6 * np.abs(rebuilt).max(), err_msg=name)
        assert np.abs(maps - before[name]).max() > 1e-3 * np.abs(maps).max(), name
    trained.set_weights(old)
    np.testing.assert_allclose(explainers["lrp.z"].analyze(films, 1), before["lrp.z"], atol=1e-6)


@pytest.mark.parametrize("end", ["softmax layer", "activation layer", "sequential", "linear"])
def test_however_a_network_ends_its_logit_is_explained(model, films, end):
    if end == "linear":
        other = logits_of(model)
    elif end == "sequential":  # and an Input without a name
        other = tf.keras.Sequential([L.Input(SHAPE), *network().layers[1:]])
    else:
        logits = network(activation="linear")
        last = L.Softmax(name="s") if end == "softmax layer" else L.Activation("softmax", name="s")
        other = tf.keras.Model(logits.input, last(logits.output))
    other.set_weights(model.get_weights())
    for name in ("gradient", "lrp.z", "integrated_gradients"):
        np.testing.assert_array_equal(
            create_analyzer(name, other).analyze(films, 1), create_analyzer(name, model).analyze(films, 1)
        )


def test_the_patterns_have_the_same_front(model, films):
    films = np.concatenate([films, np.random.default_rng(8).normal(0, 1, (40, *SHAPE)).astype(np.float32)])
    for name in analyzers.PATTERNS:
        explained = create_analyzer(name, model).fit(films)
        plain = create_analyzer(name, logits_of(model)).fit(films)
        maps = explained.analyze(films[:5], TARGETS)
        assert maps.shape == (5, *SHAPE) and maps.dtype == np.float32 and np.abs(maps).max() > 0
        np.testing.assert_array_equal(maps, plain.analyze(films[:5], TARGETS))


def test_the_kernel_stays_eager_and_the_films_unchanged(model, films):
    before = films.copy()
    create_analyzer("lrp.z", model).analyze(films)
    assert tf.executing_eagerly() and float(tf.constant(2.0) * 2) == 4
    assert np.array_equal(films, before)
    assert create_analyzer("gradient", model).analyze(films[:0]).shape == (0, *SHAPE)
    assert "innvestigate" not in sys.modules


def test_films_go_in_batches_within_the_memory(films):
    class Counting:
        bytes_per_film = 100.0
        sizes: list  # of each batch

        def maps(self, given, targets):
            self.sizes.append(len(given))
            return given

    counting = Counting()
    request = {"films": films, "targets": TARGETS, "name": "gradient", "settings": {}, "memory": 250.0}
    for memory, sizes in ((250, [2, 2, 1]), (1, [1] * 5), (1e9, [5])):
        counting.sizes = []
        np.testing.assert_array_equal(innvestigate_process.explain(counting, request | {"memory": memory}), films)
        assert counting.sizes == sizes
    counting.sizes = []
    settings = {"augment_by_n": 5, "noise_scale": 0.0, "seed": 0}
    innvestigate_process.explain(counting, request | {"name": "smoothgrad", "settings": settings})
    assert counting.sizes == [2, 2, 1] * 5


@pytest.mark.parametrize(
    ("name", "parameters", "told"),
    [
        ("lrp.epsilonn", {}, "Did you mean 'lrp.epsilon'"),
        ("guided-backprop", {}, "Did you mean 'guided_backprop'"),
        ("epsilon", {}, "Did you mean 'lrp.epsilon'"),
        ("patternnet", {}, "Did you mean 'pattern.net'"),
        ("nonsense", {}, "Methods: gradient, "),
        ("smoothgrad", {"augment_n": 4}, "Did you mean 'augment_by_n'"),
        ("pattern.net", {"patern_type": "relu"}, "Did you mean 'pattern_type'"),
        ("smoothgrad", {"augment_by_n": 2.5}, "whole number, at least 1, got 2.5"),
        ("smoothgrad", {"noise_scale": -1}, "at least 0"),
        ("integrated_gradients", {"steps": 0}, "at least 1"),
        ("integrated_gradients", {"reference_inputs": np.zeros((3, 3))}, "reference_inputs must be a finite number"),
        ("gradient", {"postprocess": "absolute"}, '"abs" or "square"'),
        ("gradient", {"neuron_selection_mode": "index"}, "target=1"),
        ("lrp.epsilon", {"epsilon": 0}, "greater than 0"),
        ("lrp.z", {"input_layer_rule": (1, -1)}, "(low, high)"),
        ("lrp.z", {"memory_gb": 0}, "memory_gb"),
    ],
)
def test_wrong_names_and_parameters_are_told(model, name, parameters, told):
    with pytest.raises(ValueError) as error:
        create_analyzer(name, model, **parameters)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("images", "target", "told"),
    [
        (np.zeros((2, 10, 8)), None, "to_network_input"),
        (np.zeros(SHAPE), None, "images[None]"),
        (np.zeros((2, 8, 10, 2)), None, "(N, 10, 8, 2), got (2, 8, 10, 2)"),
        (np.full((1, *SHAPE), np.nan), None, "NaN"),
        (np.full((1, *SHAPE), "a"), None, "dtype"),
        (np.zeros((2, *SHAPE)), 3, "no class 3; the network has 3 classes, 0 to 2"),
        (np.zeros((2, *SHAPE)), -1, "no class -1"),
        (np.zeros((2, *SHAPE)), [0, 1, 2], "(3,) for 2 films"),
        (np.zeros((2, *SHAPE)), 1.0, "class number"),
        (np.zeros((2, *SHAPE)), True, "class number"),
    ],
)
def test_wrong_films_and_targets_are_told(model, images, target, told):
    with pytest.raises(ValueError) as error:
        create_analyzer("gradient", model).analyze(images, target)
    assert told in str(error.value)


class Twice(L.Layer):
    def call(self, inputs):
        return 2 * inputs


def test_networks_whose_maps_would_be_wrong_are_refused(model):
    film = L.Input(SHAPE, name="film")
    batch_norm = tf.keras.Model(film, L.Dense(2)(L.Flatten()(L.BatchNormalization(name="bn")(film))))
    with pytest.raises(NotExplainableError, match="'bn'.*fold_batch_norm"):
        create_analyzer("gradient", batch_norm)
    own = tf.keras.Model(film, L.Dense(2)(L.Flatten()(Twice(name="twice")(film))))
    with pytest.raises(NotExplainableError, match="'twice': a custom layer"):
        create_analyzer("gradient", own)
    with pytest.raises(ValueError, match="to \\(N, classes\\)"):
        create_analyzer("gradient", tf.keras.Model(film, L.Conv2D(2, 3)(film)))
    with pytest.raises(ValueError, match="keras Model"):
        create_analyzer("gradient", "cardiomegaly-cpu")


def test_what_innvestigate_refuses_is_an_exception_with_its_reason(model, films):
    film = L.Input(SHAPE, name="film")
    tanh = tf.keras.Model(film, L.Dense(2)(L.Flatten()(L.Conv2D(2, 3, activation="tanh")(film))))
    with pytest.raises(ExplanationError, match="guided_backprop: .*only specified for networks with ReLU"):
        create_analyzer("guided_backprop", tanh).analyze(films)
    assert create_analyzer("gradient", model).analyze(films).shape == films.shape  # the process goes on


def slow_call(model, films):
    """An explanation that takes minutes, and the error it ends with, in a thread."""
    create_analyzer("gradient", model).analyze(films)
    errors = []

    def call():
        try:
            create_analyzer("smoothgrad", model, augment_by_n=10**7).analyze(films)
        except ExplanationError as error:
            errors.append(str(error))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    time.sleep(0.5)
    assert thread.is_alive()
    return thread, errors


def test_a_killed_process_is_an_exception_and_the_next_call_starts_a_new_one(model, films):
    analyzer = create_analyzer("gradient", model)
    before = analyzer.analyze(films, 1)
    thread, errors = slow_call(model, films)
    killed = analyzers._CHILD.pid
    os.kill(killed, signal.SIGKILL)
    thread.join(30)
    assert errors and "SIGKILL" in errors[0] and "a new one starts" in errors[0]
    np.testing.assert_array_equal(analyzer.analyze(films, 1), before)
    assert analyzers._CHILD.pid not in (None, killed)
    # Killed while idle: nothing is lost, so nothing is said.
    os.kill(analyzers._CHILD.pid, signal.SIGKILL)
    while analyzers._CHILD.pid:
        time.sleep(0.05)
    np.testing.assert_array_equal(analyzer.analyze(films, 1), before)


def test_an_interrupt_ends_the_computation(model, films, monkeypatch):
    """Ctrl-C: the process goes, or its late reply would answer the next request."""
    analyzer = create_analyzer("gradient", model)
    before, first = analyzer.analyze(films, 1), analyzers._CHILD.pid
    with monkeypatch.context() as patch:
        patch.setattr(pipe, "receive", lambda stream: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            analyzer.analyze(films, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    np.testing.assert_array_equal(analyzer.analyze(films, 1), before)


PARENT = """
    import sys, threading, numpy as np, tensorflow as tf, medxai
    from medxai.explain import analyzers
    L = tf.keras.layers
    film = L.Input((8, 8, 1), name="film")
    model = tf.keras.Model(film, L.Dense(2)(L.Flatten()(L.Conv2D(2, 3, activation="relu")(film))))
    films = np.ones((1, 8, 8, 1), np.float32)
    medxai.create_analyzer("gradient", model).analyze(films)
    print(analyzers._CHILD.pid, flush=True)
    if sys.argv[1] == "killed":
        medxai.create_analyzer("smoothgrad", model, augment_by_n=10**8).analyze(films)
"""


@pytest.mark.parametrize("end", ["killed", "finished"])
def test_nothing_is_left_when_the_parent_goes(end, tmp_path):
    (tmp_path / "random.py").write_text("raise RuntimeError('a file of the student')", encoding="utf-8")
    code = "import sys; sys.path.remove('')\n" + textwrap.dedent(PARENT)
    environment = {**os.environ, "PYTHONPATH": str(Path(medxai.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", code, end], stdout=subprocess.PIPE, encoding="utf-8", env=environment, cwd=tmp_path
    ) as parent:
        pid = int(parent.stdout.readline())
        if end == "killed":
            time.sleep(0.5)
            os.kill(pid, 0)  # in the middle of a long computation
            parent.kill()
    for _ in range(100):
        if not alive(pid):
            return
        time.sleep(0.1)
    pytest.fail("the child outlived its parent by 10 s")


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Where nobody collects orphans (a container without init) what is left is a zombie: it ended.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"


def test_messages_come_back_as_sent_and_only_plain_values_are_sent():
    read, write = os.pipe()
    message = {
        "text": "ü", "none": None, "list": [1, 2.5, True, [np.float32(3)]], "inner": {"array": 7},
        "arrays": [np.arange(6, dtype=np.int16).reshape(2, 3)[:, ::2], np.zeros((0, 4), np.float32), np.array(2.0)],
    }  # fmt: skip
    with open(write, "wb", buffering=0) as out, open(read, "rb", buffering=0) as back:
        pipe.send(out, message)
        got = pipe.receive(back)
        for one, other in zip(got.pop("arrays"), message.pop("arrays"), strict=True):
            assert one.dtype == other.dtype and one.shape == other.shape and np.array_equal(one, other)
        assert got == message
        for value in (object(), np.array([object()]), {1, 2}, b"bytes"):
            with pytest.raises(TypeError, match="cannot be sent"):
                pipe.send(out, {"value": value})
        out.write(b"no frame at all, but long enough")
        with pytest.raises(pipe.PipeClosed):
            pipe.receive(back)
        out.close()
        with pytest.raises(pipe.PipeClosed):
            pipe.receive(back)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_copy_of_the_kernel_leaves_the_process_alone(model, films):
    analyzer = create_analyzer("gradient", model)
    before, child_pid = analyzer.analyze(films, 1), analyzers._CHILD.pid
    fork = os.fork()
    if fork == 0:
        os._exit(0 if analyzers._CHILD.pid is None else 1)
    assert os.waitpid(fork, 0)[1] == 0
    np.testing.assert_array_equal(analyzer.analyze(films, 1), before)
    assert analyzers._CHILD.pid == child_pid
