"""Folding BatchNorm: the same outputs without it, on every kind of graph of the course, or a clear refusal."""

import numpy as np
import pytest
import tensorflow as tf

from medxai import FoldError
from medxai.networks.fold import fold_batch_norm
from medxai.networks.models import vgg16_block6

L = tf.keras.layers


def trained(model, seed=0):
    """Give every BatchNorm statistics that a training could have left, far from the defaults."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, L.BatchNormalization):
            layer.set_weights(
                [rng.uniform(0.3, 2, w.shape) if "gamma" in w.name or "variance" in w.name else rng.normal(0, 1, w.shape)
                 for w in layer.weights]
            )  # fmt: skip
    return model


def block(x, filters, name, kernel=3, **arguments):
    x = L.Conv2D(filters, kernel, padding="same", name=name, **arguments)(x)
    x = L.BatchNormalization(name=f"{name}_bn", epsilon=1e-2)(x)  # a large epsilon shows when it is forgotten
    return L.Activation("relu", name=f"{name}_relu")(x)


def skips_and_branches():
    """A residual sum whose last ReLU stands behind the sum, a concatenation, BatchNorm without scale or centre."""
    i = L.Input((16, 12, 3), name="film")
    a = block(i, 4, "a", use_bias=False)
    b = L.BatchNormalization(name="b_bn", scale=False)(L.Conv2D(4, 3, padding="same", name="b")(a))
    c = L.Activation("relu", name="sum_relu")(L.Add(name="sum")([a, b]))
    d = L.ReLU(name="d_relu")(L.BatchNormalization(name="d_bn", center=False)(L.Conv2D(5, 1, strides=2, name="d")(c)))
    e = L.MaxPooling2D(name="e")(c)
    x = L.GlobalAveragePooling2D(name="gap")(L.Concatenate(name="joined")([d, e]))
    x = L.Activation("relu", name="f_relu")(L.BatchNormalization(name="f_bn")(L.Dense(6, name="f")(x)))
    return tf.keras.Model(i, L.Dense(2, name="logits")(x))


def sum_through_an_operator():
    i = L.Input((8, 8, 2), name="film")
    x = block(i, 3, "a")
    y = block(x, 3, "b")
    return tf.keras.Model(i, [L.GlobalMaxPooling2D(name="top")(x + y), L.Flatten(name="flat")(2.0 * y)])


def batch_norm_is_the_output():
    i = L.Input((8, 8, 2), name="film")
    return tf.keras.Model(i, L.BatchNormalization(name="bn")(L.Conv2D(3, 3, name="a")(i)))


def sequential():
    return tf.keras.Sequential(
        [L.Input((8, 8, 1), name="film"), L.Conv2D(3, 3), L.BatchNormalization(), L.Activation("relu"), L.Flatten(),
         L.Dense(4), L.BatchNormalization(), L.Dense(2)]
    )  # fmt: skip


BUILDERS = [
    lambda: vgg16_block6(256, 16, batch_norm=True, activation="linear"),
    skips_and_branches,
    sum_through_an_operator,
    batch_norm_is_the_output,
    sequential,
]


@pytest.mark.parametrize("build", BUILDERS, ids=["vgg16", "skips", "operator", "output", "sequential"])
def test_folded_network_gives_the_same_outputs(build):
    tf.keras.utils.set_random_seed(1)
    model = trained(build())
    weights = [w.copy() for w in model.get_weights()]
    plain = fold_batch_norm(model)
    x = np.random.default_rng(2).normal(0, 1, (5, *model.input_shape[1:])).astype("float32")
    before, after = (m.predict(x, verbose=0) for m in (model, plain))
    for one, other in zip(*(v if isinstance(v, list) else [v] for v in (before, after)), strict=True):
        assert np.ptp(one) > 1e-2  # an output that is constant would agree with anything
        np.testing.assert_allclose(other, one, atol=1e-5 * max(1, np.abs(one).max()))
    assert not any(isinstance(layer, L.BatchNormalization) for layer in plain.layers)
    assert all(np.array_equal(w, v) for w, v in zip(model.get_weights(), weights, strict=True))


def test_folded_vgg_is_layer_for_layer_the_plain_one():
    folded, plain = fold_batch_norm(vgg16_block6(256, 16, batch_norm=True)), vgg16_block6(256, 16)
    assert [(layer.name, type(layer), layer.output_shape) for layer in folded.layers] == [
        (layer.name, type(layer), layer.output_shape) for layer in plain.layers
    ]
    assert folded.get_layer("block1_conv1").activation is tf.keras.activations.relu
    plain.set_weights(folded.get_weights())


def refused(kind):
    i = L.Input((8, 8, 4), name="film")
    if kind == "pre-activation":
        return tf.keras.Model(i, L.Conv2D(2, 3)(L.Activation("relu")(L.BatchNormalization(name="bn")(i))))
    if kind == "activation before":
        return tf.keras.Model(i, L.BatchNormalization(name="bn")(L.Conv2D(2, 3, activation="relu", name="conv")(i)))
    if kind == "read twice":
        x = L.Conv2D(4, 1, name="conv")(i)
        return tf.keras.Model(i, L.Add(name="sum")([x, L.BatchNormalization(name="bn")(x)]))
    if kind == "conv is an output":
        x = L.Conv2D(4, 1, name="conv")(i)
        return tf.keras.Model(i, [x, L.BatchNormalization(name="bn")(x)])
    if kind == "shared":
        conv, norm = L.Conv2D(4, 1, name="conv"), L.BatchNormalization(name="bn")
        return tf.keras.Model(i, L.Add()([norm(conv(i)), norm(conv(2 * i))]))
    if kind == "transposed":
        return tf.keras.Model(i, L.BatchNormalization(name="bn")(L.Conv2DTranspose(2, 3, name="conv")(i)))
    if kind == "wrong axis":
        return tf.keras.Model(i, L.BatchNormalization(axis=1, name="bn")(L.Conv2D(2, 3, name="conv")(i)))
    inner = tf.keras.Sequential([L.Conv2D(2, 3), L.BatchNormalization()], name="inner")
    return tf.keras.Model(i, inner(i))


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("pre-activation", "'bn' follows 'film'"),
        ("activation before", "'conv' has activation 'relu' before 'bn'"),
        ("read twice", "'conv' is also read by 'sum'"),
        ("conv is an output", "the model's output"),
        ("shared", "'bn' is used 2 times"),
        ("transposed", "Conv2DTranspose"),
        ("wrong axis", "axis"),
        ("nested", "'inner' is a nested model"),
    ],
)
def test_what_cannot_be_folded_is_named(kind, told):
    with pytest.raises(FoldError, match=told):
        fold_batch_norm(refused(kind))
