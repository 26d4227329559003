"""Laws that maps obey: what they add up to, and that they are those of an obvious reference and of the unfolded network."""

import subprocess
import sys
import textwrap

import numpy as np
import pattern_reference
import pytest
import tensorflow as tf
from relevance_reference import RULES, relevance
from small_network import SHAPE, TARGETS, balanced, gradient, logits_of, network, some_films

from medxai import create_analyzer
from medxai.explain import fit_patterns, integrated_gradients, smoothgrad
from medxai.explain.analyzers import METHODS, PATTERNS
from medxai.networks.fold import fold_batch_norm

pytestmark = pytest.mark.kernel

L = tf.keras.layers


def averaged():
    """A bias-free network with global average pooling, and logits of either sign."""
    tf.keras.utils.set_random_seed(7)
    layers = [
        L.Conv2D(8, 3, activation="relu", padding="same", strides=2, use_bias=False, name="conv1"),
        L.Conv2D(10, 2, activation="relu", use_bias=False, name="conv2"),
        L.GlobalAveragePooling2D(name="average"),
        L.Dense(12, activation="relu", use_bias=False, name="hidden"),
        L.Dense(3, use_bias=False, name="classes"),
    ]
    return tf.keras.Sequential([L.Input(SHAPE, name="film"), *layers])


def chosen_logits(model, films):
    return model.predict(films, verbose=0)[range(len(films)), TARGETS]


def sums(name, model, films, **parameters):
    return create_analyzer(name, model, **parameters).analyze(films, TARGETS).sum(axis=(1, 2, 3))


@pytest.fixture(scope="module")
def films():
    return some_films()


@pytest.fixture(scope="module")
def bias_free():
    return network(bias=False, activation="linear")


# --- what maps add up to ---


def test_lrp_shares_out_the_whole_logit_without_biases(bias_free, films):
    for model in (bias_free, averaged()):
        logits = chosen_logits(model, films)
        assert logits.min() < 0 < logits.max()  # of either sign
        for name in ("lrp.z", "lrp.epsilon"):
            np.testing.assert_allclose(sums(name, model, films), logits, rtol=1e-3, err_msg=name)
        for name in ("lrp.sequential_preset_a_flat", "lrp.sequential_preset_b_flat"):
            # B holds where a unit has positive and negative input; else it takes twice, or nothing.
            np.testing.assert_allclose(sums(name, model, films, epsilon=1e-6), logits, rtol=1e-3, err_msg=name)
    for name in ("lrp.sequential_preset_a_flat", "lrp.sequential_preset_b_flat"):
        kept = sums(name, model, films) / logits  # epsilon = 0.1 in the dense layers
        assert np.all((kept > 0) & (kept < 0.95)), name


def test_biases_take_their_share_in_lrp_z(films):
    model = balanced(films)
    logits = chosen_logits(logits_of(model), films)
    assert np.all(np.abs(sums("lrp.z", model, films) / logits - 1) > 0.01)


def test_deep_taylor_shares_out_the_positive_logit_whatever_the_biases(films):
    """Its rule leaves biases out; what is lost is only what units without any positive input were given."""
    model = balanced(films)
    expected = np.maximum(chosen_logits(logits_of(model), films), 0)
    assert (expected > 0).any() and (expected == 0).any()
    np.testing.assert_allclose(sums("deep_taylor", model, films), expected, rtol=1e-4)


def test_lrp_z_is_input_times_gradient_without_biases(films):
    bias_free = network(bias=False)
    expected = films * gradient(bias_free, films, TARGETS)
    for name in ("lrp.z", "input_t_gradient"):
        maps = create_analyzer(name, bias_free).analyze(films, TARGETS)
        np.testing.assert_allclose(maps, expected, atol=1e-4 * np.abs(expected).max())


# --- equal to an obvious reference ---


def test_all_thirteen_are_right_behind_global_average_pooling(films):
    model = averaged()
    training = np.random.default_rng(8).normal(0, 1, (30, *SHAPE)).astype(np.float32)
    expected = {name: relevance(name, model, films, TARGETS) for name in RULES}
    expected["input_t_gradient"] = films * expected["gradient"]
    parameters = {
        "smoothgrad": {"augment_by_n": 6, "noise_scale": 0.3},
        "integrated_gradients": {"steps": 5, "reference_inputs": 0.5},
    }
    settings = {
        "smoothgrad": {"noise_scale": 0.3, "seed": 0},
        "integrated_gradients": {"steps": 5, "reference_inputs": 0.5},
    }
    for name, method, count in (("smoothgrad", smoothgrad, 6), ("integrated_gradients", integrated_gradients, 5)):
        samples = [method.samples(film, range(count), settings[name]) for film in films]
        means = [
            relevance("gradient", model, some, [target] * count).mean(axis=0)
            for some, target in zip(samples, TARGETS, strict=True)
        ]
        expected[name] = np.stack(means) * (films - 0.5 if name == "integrated_gradients" else 1)
    patterns = fit_patterns(model, training)
    slow = pattern_reference.Reference(model, "relu").fit(training)
    for name in PATTERNS:
        expected[name] = slow.analyze(films, TARGETS, attribution=name == "pattern.attribution")
        parameters[name] = {"patterns": patterns}
    assert expected.keys() == {*METHODS, *PATTERNS}
    for name, maps in expected.items():
        found = create_analyzer(name, model, **parameters.get(name, {})).analyze(films, TARGETS)
        assert np.abs(maps).max() > 0, name
        np.testing.assert_allclose(found, maps, atol=1e-4 * np.abs(maps).max(), err_msg=name)


def test_maps_of_a_folded_network_are_those_of_the_unfolded_one(films):
    tf.keras.utils.set_random_seed(2)
    x = film = L.Input(SHAPE, name="film")
    for name, filters in (("a", 6), ("b", 8)):
        x = L.BatchNormalization(name=f"{name}_bn")(L.Conv2D(filters, 3, padding="same", name=name)(x))
        x = L.MaxPooling2D(name=f"{name}_pool")(L.Activation("relu", name=f"{name}_relu")(x))
    model = tf.keras.Model(film, L.Dense(3, name="classes")(L.GlobalAveragePooling2D(name="average")(x)))
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, L.BatchNormalization):  # as if trained: gamma, beta, mean, variance
            layer.set_weights([rng.uniform(0.4, 2, 6 if layer.name == "a_bn" else 8) for _ in range(4)])

    def eager_gradient(images, targets):
        images = tf.constant(images)
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = tf.gather(model(images, training=False), targets, batch_dims=1)
        return tape.gradient(logits, images).numpy()

    folded = fold_batch_norm(model)
    np.testing.assert_allclose(folded.predict(films, verbose=0), model.predict(films, verbose=0), atol=1e-4)
    on_the_way = [eager_gradient(films * np.float32(k / 8), TARGETS) for k in range(8)]
    for name, maps, parameters in (
        ("gradient", eager_gradient(films, TARGETS), {}),
        ("integrated_gradients", films * np.mean(on_the_way, axis=0), {"steps": 8}),
    ):
        found = create_analyzer(name, folded, **parameters).analyze(films, TARGETS)
        np.testing.assert_allclose(found, maps, atol=1e-4 * np.abs(maps).max(), err_msg=name)


# --- independence of what was built before ---

ONE_GRAPH = """
    import sys, numpy as np, tensorflow as tf
    tf.compat.v1.disable_eager_execution()
    import innvestigate
    folder = sys.argv[1]
    given = np.load(folder + "/given.npz")
    model = tf.keras.models.model_from_json(open(folder + "/model.json").read())
    model.set_weights([given[f"w{i}"] for i in range(len(model.get_weights()))])

    def explain(name):
        analyzer = innvestigate.create_analyzer(name, model, neuron_selection_mode="index")
        return analyzer.analyze(given["films"], neuron_selection=[1] * len(given["films"]))

    presets = ["lrp.sequential_preset_a_flat", "lrp.sequential_preset_b_flat"]
    maps = {"before " + name: explain(name) for name in presets}
    explain("integrated_gradients")
    maps |= {"after " + name: explain(name) for name in presets}
    np.savez(folder + "/maps.npz", **maps)
"""


def test_in_one_graph_the_presets_change_after_integrated_gradients_and_here_they_do_not(bias_free, films, tmp_path):
    (tmp_path / "model.json").write_text(bias_free.to_json(), encoding="utf-8")
    np.savez(tmp_path / "given.npz", films=films, **{f"w{i}": w for i, w in enumerate(bias_free.get_weights())})
    code = textwrap.dedent(ONE_GRAPH)
    run = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, encoding="utf-8", timeout=300)
    assert run.returncode == 0, run.stderr
    theirs = np.load(tmp_path / "maps.npz")
    create_analyzer("integrated_gradients", bias_free).analyze(films, 1)
    for name in ("lrp.sequential_preset_a_flat", "lrp.sequential_preset_b_flat"):
        before, after = theirs[f"before {name}"], theirs[f"after {name}"]
        largest = np.abs(before).max()
        assert np.abs(after - before).max() > 0.01 * largest, (
            "iNNvestigate's default graph is sound now: say so in docs"
        )
        ours = create_analyzer(name, bias_free).analyze(films, 1)
        np.testing.assert_allclose(ours, before, atol=1e-5 * largest, err_msg=name)
