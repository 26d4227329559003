"""Fitting patterns: the paper's example, a slow and obvious reference, and laws that always hold."""

import numpy as np
import pytest
import tensorflow as tf
from pattern_reference import NETWORKS, Reference, films, network, toy

from medxai.explain import NotExplainableError, PatternAttribution, PatternNet, fit_patterns

L = tf.keras.layers


@pytest.mark.parametrize("as_image", [False, True], ids=["dense", "convolution"])
@pytest.mark.parametrize("relu", [True, False], ids=["relu", "linear"])
@pytest.mark.parametrize("strength", [1, 10])
def test_the_papers_example(strength, relu, as_image):
    model, x, _ = toy(strength, relu=relu, as_image=as_image)
    direction = fit_patterns(model, x, batch_size=7, pattern_type="relu" if relu else "linear").directions["neuron"]
    np.testing.assert_allclose(direction.ravel(), [1, 0], atol=0.02)


def test_a_distractor_with_a_mean_does_not_leak_in():
    model, x, _ = toy(1, offset=5.0)
    direction = fit_patterns(model, x).directions["neuron"].ravel()
    np.testing.assert_allclose(direction, [1, 0], atol=0.02)
    # What it would be with means over all inputs, as for a linear unit: this data can tell.
    y = x @ [1, -1]
    on = y + 0.1 > 0
    together = (x[on] * y[on, None]).mean(0) - x[on].mean(0) * y.mean()
    assert np.abs(together / (together @ [1, -1]) - [1, 0]).max() > 0.5


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("pattern_type", ["relu", "linear"])
def test_directions_equal_the_slow_reference(name, pattern_type):
    model, train = network(name), films(12, 1)
    patterns = fit_patterns(model, train, batch_size=5, pattern_type=pattern_type)
    reference = Reference(model, pattern_type).fit(train)
    assert patterns.directions.keys() == reference.patterns.keys() and patterns.films == 12
    for layer, direction in patterns.directions.items():
        expected = reference.patterns[layer]
        np.testing.assert_allclose(direction, expected, atol=1e-5 * max(1, np.abs(expected).max()))


def test_weight_times_pattern_is_one_and_dead_units_have_none():
    model = network("pools and dense")
    first = model.layers[0]
    kernel, bias = first.get_weights()
    bias[1], kernel[..., 2] = -1e3, 0  # never fires; never varies
    first.set_weights([kernel, bias])
    patterns = fit_patterns(model, films(12, 1))
    assert patterns.living()[first.name].tolist() == [True, False, False, True]
    for layer in model.layers:
        if layer.weights:
            sums = (layer.kernel.numpy() * patterns.directions[layer.name]).reshape(-1, layer.units if isinstance(layer, L.Dense) else layer.filters).sum(0)  # fmt: skip
            np.testing.assert_allclose(sums, patterns.living()[layer.name].astype(float), atol=1e-5)


def test_the_fit_does_not_depend_on_the_batches():
    model, train = network("pools and dense"), films(23, 1)
    # Bright and dark films one after the other: batches differ, and so do their means.
    train[12:] += 30
    found = [fit_patterns(model, train, batch_size=size).directions for size in (1, 4, 23)]
    for layer, whole in found[-1].items():
        for other in found[:-1]:
            np.testing.assert_allclose(other[layer], whole, atol=1e-5 * max(1, np.abs(whole).max()))


def test_as_many_films_at_a_time_as_fit_the_memory(monkeypatch):
    model, train = network("pools and dense"), films(23, 1)

    def batches(work) -> list[int]:
        seen: list[int] = []

        def prepare(batch):
            seen.append(len(batch))
            return batch

        work(prepare)
        return seen[1:]  # the first film was looked at for its size

    method = PatternNet(model)
    assert batches(lambda prepare: method.fit(train, prepare=prepare)) == [16, 7]
    assert batches(lambda prepare: method.analyze(train, prepare=prepare)) == [4] * 5 + [3]
    whole = method.analyze(train[:3])
    monkeypatch.setattr("medxai.explain.patterns.WORKING_BYTES", 1)
    assert batches(lambda prepare: method.fit(train[:5], prepare=prepare)) == [1] * 5
    method.fit(train, batch_size=16)
    assert batches(lambda prepare: method.analyze(train[:3], prepare=prepare)) == [1] * 3
    np.testing.assert_allclose(method.analyze(train[:3]), whole, atol=1e-5 * np.abs(whole).max())


# --- what cannot be done is told ---


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        ([L.DepthwiseConv2D(3, name="bad"), L.Flatten()], "'bad': a DepthwiseConv2D layer"),
        ([L.Conv2DTranspose(2, 3, name="bad"), L.Flatten()], "'bad': a Conv2DTranspose layer"),
        ([L.Conv2D(2, 3, dilation_rate=2, name="bad"), L.Flatten()], "dilation_rate=(2, 2)"),
        ([L.Conv2D(2, 3, groups=2, name="bad"), L.Flatten()], "groups=2"),
        ([L.Conv2D(2, 3, activation="tanh", name="bad"), L.Flatten()], "activation 'tanh'"),
        ([L.Activation("gelu", name="bad"), L.Flatten()], "activation 'gelu'"),
        ([L.Dense(2, name="bad"), L.Flatten()], "Put Flatten or GlobalAveragePooling2D before it"),
        ([L.MaxPooling2D(data_format="channels_first", name="bad"), L.Flatten()], "channels_first"),
        ([L.BatchNormalization(name="bad"), L.Flatten()], "medxai.networks.fold.fold_batch_norm(model)"),
        ([L.Flatten(), L.Dense(2, activation="softmax", name="bad")], "medxai.explain.logits_model(model)"),
    ],
)
def test_layers_that_patterns_cannot_pass(layers, told):
    model = tf.keras.Sequential([L.Input((9, 8, 2), name="film"), *layers])
    for use in (PatternNet, PatternAttribution, lambda m: fit_patterns(m, films(2, 0))):
        with pytest.raises(NotExplainableError) as caught:
            use(model)
        assert told in str(caught.value) and "'bad'" in str(caught.value)


def test_skips_are_named():
    i = L.Input((9, 8, 2), name="film")
    model = tf.keras.Model(i, L.Flatten(name="flat")(L.Add(name="sum")([i, L.Conv2D(2, 1, name="conv")(i)])))
    with pytest.raises(NotExplainableError, match="'sum': .*this one reads 'film', 'conv'"):
        PatternNet(model)
    shared = L.Conv2D(2, 1, name="shared")
    with pytest.raises(NotExplainableError, match="'shared'"):
        PatternNet(tf.keras.Model(i, L.Flatten()(shared(shared(i)))))


def test_wrong_training_films_are_told():
    model, train = network("global average"), films(6, 1)
    for wrong, told in (
        (train.transpose(0, 2, 1, 3), r"shape \(8, 9, 2\) each; the network takes \(9, 8, 2\)"),
        (train[:0], "no images"),
        (np.where(np.arange(6)[:, None, None, None] == 5, np.nan, train), "not finite in films 4 to 5"),
        (train.astype(np.uint8), "uint8; expected float network input.*to_network_input"),
        (np.zeros_like(train), "no unit fired and varied"),
    ):
        with pytest.raises(ValueError, match=told):
            fit_patterns(model, wrong, batch_size=4)
    with pytest.raises(ValueError, match="expected one of relu, linear"):
        fit_patterns(model, train, pattern_type="two")
