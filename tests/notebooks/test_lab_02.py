"""The answers of lab 02 are the methods that they are called: they agree with iNNvestigate and with medxai."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import medxai
from autograder.author.lab_source import load_lab
from medxai.explain import fit_patterns
from medxai.networks.fold import fold_batch_norm

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).resolve().parent.parent.parent
L = tf.keras.layers


@pytest.fixture(scope="module")
def answer():
    """The function that the lab's reference solution defines, by its key."""
    exercises = {exercise.key: exercise for exercise in load_lab(ROOT / "solutions" / "02_attribution").exercises}

    def function(key):
        space = {"np": np, "tf": tf}
        exec(compile(exercises[key].reference, key, "exec"), space)
        return space[key]

    return function


def with_random_weights(model, rng):
    model.set_weights([rng.normal(0, 0.4, w.shape) for w in model.get_weights()])
    return model


def alone(layer):
    given = tf.keras.Input(layer.input_shape[1:], name="given")
    copy = type(layer).from_config(layer.get_config() | {"activation": "linear"})
    network = tf.keras.Model(given, copy(given))
    network.set_weights(layer.get_weights())
    return network


def led_through(rule, network, films, target, epsilon):
    """As the notebook does it: the student's rule in layers with weights, the gradient in the others."""
    x, passed = tf.constant(films), []
    for layer in network.layers[1:]:
        passed.append((layer, x))
        x = layer(x, training=False)
    relevance = x.numpy() * np.eye(x.shape[1], dtype=np.float32)[target]
    for layer, x in reversed(passed):
        if layer.weights:
            relevance = rule(alone(layer), x.numpy(), relevance, epsilon)
            continue
        with tf.GradientTape() as tape:
            tape.watch(x)
            out = layer(x, training=False)
        relevance = tape.gradient(out, x, output_gradients=tf.constant(relevance)).numpy()
    return relevance


@pytest.mark.parametrize("epsilon", [1e-7, 0.1])
def test_lrp_epsilon_led_through_a_network_is_innvestigates(answer, epsilon):
    rng = np.random.default_rng(0)
    x = film = L.Input((12, 12, 3), name="film")
    x = L.Conv2D(5, 3, padding="same", activation="relu")(x)
    x = L.MaxPooling2D()(x)
    x = L.Conv2D(6, 3, strides=2, activation="relu")(x)
    x = L.Dropout(0.3)(L.Dense(8, activation="relu")(L.Flatten()(x)))
    network = with_random_weights(tf.keras.Model(film, L.Dense(3)(x), name="small"), rng)
    films = rng.normal(size=(2, 12, 12, 3)).astype("float32")
    expected = medxai.create_analyzer("lrp.epsilon", network, epsilon=epsilon).analyze(films, target=2)
    got = led_through(answer("lrp_epsilon"), network, films, 2, epsilon)
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max())


def test_signal_direction_is_that_of_fit_patterns(answer):
    rng = np.random.default_rng(1)
    model = tf.keras.Sequential([L.Input((7,), name="point"), L.Dense(5, activation="relu", name="units")])
    with_random_weights(model, rng)
    # Not centred and not symmetric, so that the means, and which inputs fire, matter.
    points = (rng.exponential(size=(500, 7)) @ rng.normal(size=(7, 7)) + 1).astype("float32")
    kernel, _ = model.get_layer("units").get_weights()
    bias = -np.quantile(points @ kernel, 0.4, axis=0)
    bias[4] = -1e6  # a unit that never fires
    model.set_weights([kernel, bias])
    expected = fit_patterns(model, points).directions["units"]
    for unit in range(5):
        got = answer("signal_direction")(points.astype(float), kernel[:, unit].astype(float), float(bias[unit]))
        np.testing.assert_allclose(got, expected[:, unit], atol=1e-4 * max(1, np.abs(expected[:, unit]).max()))
    assert not expected[:, 4].any() and expected[:, :4].any(axis=0).all()


def test_fold_layer_is_fold_batch_norm(answer):
    rng = np.random.default_rng(2)
    film = L.Input((6, 6, 2), name="film")
    model = tf.keras.Model(film, L.BatchNormalization(name="norm", epsilon=0.01)(L.Conv2D(4, 3, name="conv")(film)))
    model.set_weights([np.abs(rng.normal(1, 0.4, w.shape)) for w in model.get_weights()])
    norm = model.get_layer("norm")
    gamma, beta, mean, variance = norm.get_weights()
    got = answer("fold_layer")(*model.get_layer("conv").get_weights(), gamma, beta, mean, variance, norm.epsilon)
    for mine, expected in zip(got, fold_batch_norm(model).get_layer("conv").get_weights(), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-5)
