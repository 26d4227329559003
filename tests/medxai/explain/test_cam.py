import numpy as np
import pytest
import tensorflow as tf

from medxai.errors import ExplanationError
from medxai.explain import cam, logits_model
from medxai.networks import models


@pytest.fixture(scope="module")
def network():
    model = models.skip_sum_stages(size=32, width_divisor=32)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("layer", [None, "stage4_pool", "stage4_sum"])
@pytest.mark.parametrize("target", [0, 1])
def test_the_mean_of_a_map_and_the_bias_are_the_logit(network, layer, target):
    films = np.random.default_rng(1).normal(0, 50, (5, 32, 32, 3)).astype("float32")
    maps = cam.maps(network, films, target, layer, batch_size=2)
    assert maps.shape == ((5, 4, 4) if layer == "stage4_sum" else (5, 2, 2))
    logits = logits_model(network)(films).numpy()[:, target]
    np.testing.assert_allclose(maps.mean(axis=(1, 2)) + cam.bias(network, target), logits, rtol=1e-4, atol=1e-4)
    large = cam.enlarge(maps, (32, 48))
    np.testing.assert_allclose(large.mean(axis=(1, 2)), maps.mean(axis=(1, 2)), atol=1e-8)


def test_the_finer_grid_is_found_where_the_law_holds_on_it(network):
    assert cam.finer_layer(network) == "stage4_sum"
    layers, film = tf.keras.layers, tf.keras.Input((12, 12, 3), name="film")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(film)
    pools = {
        "equal": layers.AveragePooling2D(3, name="equal"),
        "maxima": layers.MaxPooling2D(3, name="maxima"),
        "overlapping": layers.AveragePooling2D(3, strides=2, name="overlapping"),
        "remainder": layers.AveragePooling2D(5, name="remainder"),
    }
    for name, pool in pools.items():
        end = layers.Dense(2, name="logits")(layers.GlobalAveragePooling2D(name="gap")(pool(x)))
        assert cam.finer_layer(tf.keras.Model(film, end)) == ("conv" if name == "equal" else None)


def test_stored_films_are_prepared(network):
    from medxai.networks.preprocessing import to_network_input

    films = np.random.default_rng(2).integers(0, 256, (3, 32, 32), np.uint8)
    np.testing.assert_allclose(cam.maps(network, films), cam.maps(network, to_network_input(films)))
    assert cam.maps(network, films[:0]).shape == (0, 2, 2)


@pytest.mark.parametrize("size", [(40, 24), (7, 9), (3, 4), (5, 31)])
def test_enlarged_maps_are_those_of_tensorflow(size):
    maps = np.random.default_rng(3).normal(size=(2, 3, 4))
    expected = tf.image.resize(maps[..., None], size).numpy()[..., 0]
    np.testing.assert_allclose(cam.enlarge(maps, size), expected, atol=1e-5)
    np.testing.assert_allclose(cam.enlarge(maps[:, :1, :1], size), np.broadcast_to(maps[:, :1, :1], (2, *size)))


def test_networks_that_end_otherwise_are_refused():
    with pytest.raises(ExplanationError, match="GlobalAveragePooling2D"):
        cam.maps(models.vgg16_block6(size=256, width_divisor=64), np.zeros((1, 256, 256, 3)))
