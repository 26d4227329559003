"""What makes maps silently wrong is named first; each cause with the wrong numbers, or the bare error, it prevents."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from medxai_unexplainable import build, film

from medxai.explain import NotExplainableError, check_explainable, find_causes, logits_model
from medxai.networks.fold import fold_batch_norm
from medxai.networks.models import vgg16_block6

pytestmark = pytest.mark.kernel

L = tf.keras.layers


@pytest.fixture(scope="module")
def innvestigate_says():
    """Maps, or errors, of iNNvestigate for each network, from a process of its own (without eager execution)."""
    program = Path(__file__).with_name("medxai_unexplainable.py")
    ended = subprocess.run([sys.executable, str(program)], capture_output=True, encoding="utf-8", timeout=600)
    assert ended.returncode == 0, ended.stderr[-2000:]
    found = json.loads(ended.stdout.splitlines()[-1])
    return {
        kind: {name: np.array(value) if isinstance(value, list) else value for name, value in answers.items()}
        for kind, answers in found.items()
    }


def refused(model, kind, layer, call, logits=True):
    """The check names exactly this one cause, with layer and remedy in the message."""
    with pytest.raises(NotExplainableError) as caught:
        check_explainable(model, logits)
    assert [(cause.kind, cause.layer) for cause in caught.value.causes] == [(kind, layer)]
    assert repr(model.name) in str(caught.value) and repr(layer) in str(caught.value) and call in str(caught.value)


def test_plain_networks_pass_and_their_maps_keep_the_laws(innvestigate_says):
    for kind in ("plain", "folded"):
        check_explainable(build(kind))
        says = innvestigate_says[kind]
        np.testing.assert_allclose(says["lrp.z"], says["input_t_gradient"], atol=1e-4 * np.abs(says["lrp.z"]).max())
    assert innvestigate_says["plain"]["lrp.z"].sum() == pytest.approx(innvestigate_says["plain"]["logit"], rel=1e-4)
    check_explainable(vgg16_block6(256, 16, activation="linear"))
    check_explainable(build("softmax"), logits=False)
    sequential = tf.keras.Sequential([L.Input((8, 8, 1), name="film"), L.Conv2D(2, 3), L.Flatten(), L.Dense(2)])
    check_explainable(sequential)


def test_batch_norm_breaks_lrp_silently(innvestigate_says):
    says, folded = innvestigate_says["batch_norm"], innvestigate_says["folded"]
    assert says["logit"] == pytest.approx(folded["logit"], rel=1e-4)  # one function, two ways to write it
    # Input x gradient depends on the function alone, and LRP-Z equals it on ReLU networks, biases or not.
    np.testing.assert_allclose(says["input_t_gradient"], folded["input_t_gradient"], atol=1e-4)
    assert np.abs(says["lrp.z"] - says["input_t_gradient"]).max() > 0.1 * np.abs(says["input_t_gradient"]).max()
    assert says["smoothgrad"].startswith("TypeError") and says["integrated_gradients"].startswith("TypeError")

    refused(build("batch_norm"), "batch_norm", "norm", "medxai.networks.fold.fold_batch_norm(model)")
    check_explainable(fold_batch_norm(build("batch_norm")))


def test_relu_layers_stop_lrp_without_a_word(innvestigate_says):
    assert innvestigate_says["activation_layer"]["lrp.z"] == "NotImplementedError: "
    assert innvestigate_says["activation_layer"]["deconvnet"].startswith("TypeError: ('Keyword argument not understood")
    refused(build("activation_layer"), "activation_layer", "relu", "set_weights(model.get_weights())")
    build("plain").set_weights(build("activation_layer").get_weights())  # as the message says


def test_other_activation_layers_are_named():
    for layer in (L.LeakyReLU(name="a"), L.PReLU(name="a"), L.ELU(name="a")):
        model = tf.keras.Sequential([L.Input((4, 4, 1), name="film"), L.Conv2D(2, 3), layer, L.Flatten(), L.Dense(2)])
        refused(model, "activation_layer", "a", "train the network with activation='relu'")


def test_guided_backprop_of_a_nested_model_is_the_plain_gradient(innvestigate_says):
    says, flat = innvestigate_says["nested"], innvestigate_says["plain"]
    assert says["logit"] == pytest.approx(flat["logit"], rel=1e-5)
    # iNNvestigate's guided backpropagation starts from the logit, its gradient from 1.
    for method in ("guided_backprop", "deconvnet"):
        np.testing.assert_allclose(says[method], says["gradient"] * says["logit"], atol=1e-6)
        assert np.abs(says[method] - flat[method]).max() > 0.1 * np.abs(flat[method]).max()
    assert says["lrp.z"] == "NotImplementedError: "
    refused(build("nested"), "nested", "inner", "Build one flat model")


def test_what_is_inside_a_nested_model_is_named_too():
    inner = tf.keras.Sequential([L.Conv2D(2, 3, name="conv"), L.BatchNormalization(name="norm")], name="inner")
    i = L.Input((8, 8, 1), name="film")
    found = find_causes(tf.keras.Model(i, L.Flatten(name="flat")(inner(i))))
    assert [(cause.kind, cause.layer) for cause in found] == [("nested", "inner"), ("batch_norm", "inner/norm")]
    j = L.Input((3, 8, 8, 1), name="volume")
    found = find_causes(tf.keras.Model(j, L.TimeDistributed(L.BatchNormalization(name="norm"), name="slices")(j)))
    assert [(cause.kind, cause.layer) for cause in found] == [("nested", "slices"), ("batch_norm", "slices/norm")]


def test_rescaling_takes_evidence_out_of_the_map(innvestigate_says):
    plain, says = innvestigate_says["plain"], innvestigate_says["preparing"]
    # Without biases input x gradient sums to the logit; with the scaling inside, its offset keeps a part of it.
    assert plain["input_t_gradient"].sum() == pytest.approx(plain["logit"], rel=1e-4)
    assert abs(says["input_t_gradient"].sum() - says["logit"]) > 0.1 * abs(says["logit"])
    assert says["lrp.z"] == "NotImplementedError: "
    refused(build("preparing"), "preparing", "scale", "to_network_input")


def test_lambda_and_operators_are_named():
    i = L.Input((4, 4, 1), name="film")
    refused(
        tf.keras.Model(i, L.Flatten()(L.Lambda(abs, name="python")(i))), "preparing", "python", "Preprocess the films"
    )
    operator = tf.keras.Model(i, L.Flatten()(i / 255.0))
    assert [cause.kind for cause in find_causes(operator)] == ["preparing"]
    assert "use a layer (Add)" in str(find_causes(operator)[0])


def test_a_saturated_softmax_has_no_gradient(innvestigate_says):
    assert "does not support softmax" in innvestigate_says["softmax"]["gradient"]
    model = build("softmax")
    x = tf.constant(film() * 200)  # a network that is sure, as trained ones are
    maps = []
    for network in (model, logits_model(model)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            out = network(x)
            winner = tf.reduce_max(out, axis=-1)
        maps.append(tape.gradient(winner, x).numpy())
    assert not maps[0].any() and np.abs(maps[1]).max() > 0.1

    refused(model, "softmax", "classes", "medxai.explain.logits_model(model)")
    check_explainable(logits_model(model))
    refused(build("plain", activation="sigmoid"), "softmax", "classes", "logits_model")


def test_an_input_without_a_name_stops_integrated_gradients(innvestigate_says):
    assert 'The name "input_1" is used 2 times' in innvestigate_says["unnamed_input"]["integrated_gradients"]
    assert not isinstance(innvestigate_says["plain"]["integrated_gradients"], str)
    refused(build("unnamed_input"), "unnamed_input", "input_1", "name='film'")
    i = L.Input((4, 4, 1))
    assert [cause.kind for cause in find_causes(tf.keras.Model(i, L.Flatten()(i)))] == ["unnamed_input"]


def test_all_causes_are_named_at_once():
    i = L.Input((8, 8, 1))
    x = L.ReLU(name="relu")(L.BatchNormalization(name="norm")(L.Conv2D(2, 3, name="conv")(L.Rescaling(1 / 255)(i))))
    model = tf.keras.Model(i, L.Softmax(name="softmax")(L.Dense(2, name="classes")(L.Flatten()(x))))
    with pytest.raises(NotExplainableError) as caught:
        check_explainable(model)
    kinds = [cause.kind for cause in caught.value.causes]
    assert kinds == ["unnamed_input", "preparing", "batch_norm", "activation_layer", "softmax"]
    assert str(caught.value).count("\n  - ") == 5


def test_what_is_no_built_model():
    with pytest.raises(TypeError, match="expected a Keras model, got function"):
        check_explainable(build)
    with pytest.raises(NotExplainableError, match="no fixed input yet"):
        check_explainable(tf.keras.Sequential([L.Dense(2)]))


def test_importing_the_package_brings_no_tensorflow():
    program = (
        "import sys, medxai.explain as e; e.check_explainable, e.logits_model, e.PatternNet; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
