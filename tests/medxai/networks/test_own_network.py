"""Networks of students, read as the labs read them."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

import medxai
from medxai.evaluate import metrics
from medxai.explain import logits_model
from medxai.networks import own_network, prediction

pytestmark = pytest.mark.kernel

SIDE = 16
LIKE = medxai.Checkpoint(None, {"name": "ours", "classes": ["healthy", "ill"], "input": {"size": SIDE, "channels": 3}})


def network(last=None, side=SIDE, outputs=2):
    layers = tf.keras.layers
    film = layers.Input((side, side, 3), name="film")
    x = layers.Conv2D(4, 3, use_bias=False, name="conv")(film)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.GlobalAveragePooling2D(name="gap")(layers.Activation("relu", name="relu")(x))
    model = tf.keras.Model(film, layers.Dense(outputs, activation=last, name="end")(x), name="mine")
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 0.6, w.shape) * 0.1 for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def validation():
    rng = np.random.default_rng(1)
    return SimpleNamespace(images=rng.integers(0, 256, (20, SIDE, SIDE), np.uint8), labels=np.tile([0, 1], 10))


@pytest.mark.parametrize("last", [None, "softmax"])
def test_a_network_of_your_own_is_read_as_a_plain_checkpoint(tmp_path, validation, last):
    model, file = network(last), tmp_path / "my_network.keras"
    model.save(file)
    mine = own_network.load(file, LIKE, validation)
    given = prediction.predict_films(model, validation.images)
    expected = given if last else tf.nn.softmax(given).numpy()
    np.testing.assert_allclose(mine.predict(validation.images), expected, atol=1e-5)
    assert mine.threshold == metrics.operating_point(validation.labels, mine.predict(validation.images)[:, 1]).threshold
    assert own_network.load(file, LIKE).threshold == 0.5
    assert mine.classes == LIKE.classes and mine.card["name"] == "my_network"
    medxai.check_explainable(logits_model(mine.model))  # no BatchNorm, no softmax


def test_what_is_no_network_for_these_films_is_refused_in_words(tmp_path, validation):
    with pytest.raises(medxai.CheckpointError, match=r"nothing\.keras does not exist.*MY_NETWORK"):
        own_network.load(tmp_path / "nothing.keras", LIKE, validation)
    (tmp_path / "broken.keras").write_text("no zip", encoding="utf-8")
    with pytest.raises(medxai.CheckpointError, match="cannot be read as a network"):
        own_network.load(tmp_path / "broken.keras", LIKE, validation)
    for name, model in (("size", network(side=8)), ("outputs", network(outputs=3))):
        model.save(tmp_path / f"{name}.keras")
        with pytest.raises(medxai.CheckpointError, match="expected"):
            own_network.load(tmp_path / f"{name}.keras", LIKE, validation)
