"""The network without its softmax: the same weights, and the softmax of its answers is the network's answer."""

import numpy as np
import pytest
import tensorflow as tf

from medxai.explain import logits_model
from medxai.networks.models import vgg16_block6

L = tf.keras.layers


def ending(kind):
    i = L.Input((5, 5, 1), name="film")
    x = L.Conv2D(3, 3, activation="relu", name="conv")(i)
    x = L.Add(name="sum")([x, L.Conv2D(3, 1, name="side")(x)])
    x = L.Flatten(name="flat")(x)
    dense = L.Dense(3, name="classes", activation=kind if kind in ("softmax", "sigmoid") else None)(x)
    if kind == "Activation":
        dense = L.Activation("softmax", name="probabilities")(dense)
    if kind == "Softmax":
        dense = L.Softmax(name="probabilities")(dense)
    return tf.keras.Model(i, dense, name="net")


@pytest.mark.parametrize("kind", ["softmax", "sigmoid", "Activation", "Softmax", "linear"])
def test_logits_give_the_networks_answers(kind):
    tf.keras.utils.set_random_seed(0)
    model = ending(kind)
    before = [weight.copy() for weight in model.get_weights()]
    logits = logits_model(model)
    x = np.random.default_rng(0).normal(0, 2, (4, 5, 5, 1)).astype("float32")
    link = {"sigmoid": tf.sigmoid, "linear": tf.identity}.get(kind, tf.nn.softmax)
    np.testing.assert_allclose(link(logits(x)), model(x), atol=1e-6)
    assert np.ptp(logits(x).numpy()) > 1  # not probabilities
    assert logits.get_layer("classes").activation is tf.keras.activations.linear
    assert all(np.array_equal(a, b) for a, b in zip(logits.get_weights(), before, strict=True))
    # The model given is as it was, and a later training of one does not reach the other.
    logits.get_layer("conv").set_weights([np.zeros((3, 3, 1, 3)), np.zeros(3)])
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))


def test_layers_keep_their_names_in_the_courses_network():
    model = vgg16_block6(256, 16)
    logits = logits_model(model)
    assert [layer.name for layer in logits.layers] == [layer.name for layer in model.layers]
    sequential = tf.keras.Sequential([L.Input((4,), name="numbers"), L.Dense(2, activation="softmax", name="classes")])
    assert logits_model(sequential).get_layer("classes").activation is tf.keras.activations.linear


def test_what_has_no_logits_is_told():
    i = L.Input((4,), name="numbers")
    inner = tf.keras.Sequential([L.Dense(2, activation="softmax")], name="inner")
    with pytest.raises(ValueError, match="'inner', is a nested model"):
        logits_model(tf.keras.Model(i, inner(i)))
    with pytest.raises(ValueError, match="has 2 outputs"):
        logits_model(tf.keras.Model(i, [L.Dense(2)(i), L.Dense(3)(i)]))
    with pytest.raises(ValueError, match="no fixed input yet"):
        logits_model(tf.keras.Sequential([L.Dense(2)]))
