"""Networks that students return are rebuilt from a list of what is allowed; all others are refused before anything runs."""

import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")
from keras import layers  # noqa: E402

from autograder.check.checker import networks  # noqa: E402


def plain():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2", kernel_initializer="he_normal"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.1),
            layers.Dense(2, activation="softmax", kernel_constraint="non_neg"),
        ]
    )


def branched():
    given = keras.Input((8, 8, 3), name="film")
    left, right = layers.Conv2D(4, 3, padding="same")(given), layers.Conv2D(4, 1)(given)
    pooled = layers.GlobalAveragePooling2D()(layers.ReLU()(layers.Add()([left, right])))
    return keras.Model(given, layers.Dense(2, name="out")(pooled))


def recurrent():
    return keras.Sequential(
        [keras.Input((5,)), layers.Embedding(10, 4), layers.Bidirectional(layers.LSTM(3)), layers.Dense(1)]
    )


def nested():
    return keras.Sequential([keras.Input((8, 8, 1)), plain(), layers.Dense(1)])


@pytest.mark.parametrize("make", [plain, branched, recurrent, nested])
def test_an_allowed_network_computes_the_same(make):
    model = make()
    rebuilt = networks.rebuild(*networks.describe(model))
    x = np.random.default_rng(0).integers(0, 9, (2, *model.input_shape[1:])).astype("float32")
    np.testing.assert_allclose(np.asarray(rebuilt(x)), np.asarray(model(x)), atol=1e-6)
    assert [layer.name for layer in rebuilt.layers] == [layer.name for layer in model.layers]


def test_code_in_a_network_is_refused():
    given = keras.Input((1,))
    with_lambda = keras.Sequential([keras.Input((1,)), layers.Lambda(lambda x: 2 * x)])
    with_operation = keras.Model(given, keras.backend.abs(given) + 1)

    class Own(layers.Layer):
        pass

    own = keras.Sequential([keras.Input((1,)), Own()])
    for model in (with_lambda, with_operation, own):
        with pytest.raises(networks.Refused, match="Lambda|TFOpLambda|Own|function"):
            networks.rebuild(*networks.describe(model))


def changed(change):
    text, weights = networks.describe(plain())
    config = json.loads(text)
    conv, dense = config["config"]["layers"][1], config["config"]["layers"][5]
    change(config, conv, dense)
    return json.dumps(config), weights


def _inside(depth):
    """A network in a network in a network."""
    made = {"class_name": "Dense", "config": {"name": "d", "units": 2}}
    for n in range(depth):
        made = {"class_name": "Sequential", "config": {"name": f"s{n}", "layers": [made]}}
    return made


FORGED = {
    "another module": lambda config, conv, dense: conv.update(module="os", class_name="system"),
    "an allowed name of another module": lambda config, conv, dense: conv.update(module="subprocess"),
    "a registered name": lambda config, conv, dense: conv.update(registered_name="Custom>Dense"),
    "an operation": lambda config, conv, dense: conv.update(
        class_name="TFOpLambda", config={"function": "io.write_file"}
    ),
    "a function for an activation": lambda config, conv, dense: dense["config"].update(activation="io.write_file"),
    "a lambda for an activation": lambda config, conv, dense: dense["config"].update(
        activation={"class_name": "__lambda__", "config": {"value": "4wAAAA"}}
    ),
    "a function object": lambda config, conv, dense: dense["config"].update(
        activation={"class_name": "function", "config": "system", "module": "os"}
    ),
    "a module without a class": lambda config, conv, dense: dense["config"].update(
        kernel_initializer={"module": "os", "config": {}}
    ),
    "an initialiser by name": lambda config, conv, dense: dense["config"].update(kernel_initializer="os.system"),
    "a regulariser by name": lambda config, conv, dense: dense["config"].update(kernel_regularizer="system"),
    "a vocabulary": lambda config, conv, dense: dense["config"].update(vocabulary="/etc/passwd"),
    "nine million units": lambda config, conv, dense: dense["config"].update(units=9_000_000),
    "units without end": lambda config, conv, dense: dense["config"].update(units=10**12),
    "other weights": lambda config, conv, dense: dense["config"].update(units=1),
    "another type": lambda config, conv, dense: dense["config"].update(dtype="string"),
    "too many parts": lambda config, conv, dense: config.update(more=[0] * 50_000),
    "nested without end": lambda config, conv, dense: config.update(more=eval("[" * 90 + "]" * 90)),
    "a network with an operation in a network": lambda config, conv, dense: config["config"]["layers"].append(
        {
            "class_name": "Sequential",
            "config": {"name": "s", "layers": [{"class_name": "TFOpLambda", "config": {"name": "o"}}]},
        }
    ),
    "a lambda inside a wrapper": lambda config, conv, dense: dense.update(
        class_name="TimeDistributed", config={"layer": {"class_name": "Lambda", "config": {"name": "l"}}}
    ),
    "a million filters": lambda config, conv, dense: conv["config"].update(filters=1_000_000),
    "units in a network in it": lambda config, conv, dense: dense.update(
        class_name="TimeDistributed",
        config={"name": "t", "layer": {"class_name": "Dense", "config": {"name": "d", "units": 9_999_999}}},
    ),
    "negative units": lambda config, conv, dense: dense["config"].update(units=-(10**9)),
    "units that are no number": lambda config, conv, dense: dense["config"].update(units=float("nan")),
    "an initialiser with a path": lambda config, conv, dense: dense["config"].update(
        kernel_initializer={"class_name": "Constant", "config": {"file": "/etc/passwd"}}
    ),
    "an initialiser of texts": lambda config, conv, dense: dense["config"].update(
        kernel_initializer={"class_name": "Constant", "config": {"value": "/etc/passwd"}}
    ),
    "custom objects": lambda config, conv, dense: dense["config"].update(custom_objects={"Dense": "os.system"}),
    "a name that is a list": lambda config, conv, dense: dense["config"].update(name=["a"]),
    "layers that are none": lambda config, conv, dense: config["config"].update(layers=[1, None, "Dense"]),
    "an optimiser of its own": lambda config, conv, dense: config["config"]["layers"].append(
        {
            "class_name": "Sequential",
            "config": {"name": "s", "layers": []},
            "compile_config": {"optimizer": {"class_name": "Custom", "config": {}}},
        }
    ),
    "networks in networks": lambda config, conv, dense: dense.update(_inside(60)),
    "not a network": lambda config, conv, dense: config.update(class_name="Dense"),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_descriptions_are_refused(name, monkeypatch):
    asked = []
    monkeypatch.setattr("os.system", asked.append)
    with pytest.raises(networks.Refused):
        networks.rebuild(*changed(FORGED[name]))
    assert not asked


@pytest.mark.parametrize(
    ("text", "weights"),
    [(5, []), ("{", []), ("[" * 100_000, []), ("{}", []), ("x" * (3 << 20), []), ("{}", [np.array(["x"])])],
)
def test_what_is_no_description_is_refused(text, weights):
    with pytest.raises(networks.Refused):
        networks.rebuild(text, weights)
