"""The network of lab 01 against what the course says of it."""

import subprocess
import sys

import numpy as np
import pytest

from medxai.models import VGG16_BLOCKS, load_imagenet_vgg16, vgg16_block6

CONVOLUTIONS = [f"block{b}_conv{n}" for b, (_, count) in enumerate(VGG16_BLOCKS, 1) for n in range(1, count + 1)]


def test_full_width_at_512_px_is_the_network_of_the_course():
    model = vgg16_block6()
    assert model.count_params() == 23_076_274
    assert model.get_layer("block5_pool").output_shape == (None, 16, 16, 512)
    assert model.get_layer("block6_conv3").output_shape == (None, 10, 10, 512)
    assert model.get_layer("block6_pool").output_shape == (None, 5, 5, 512)
    assert model.output_shape == (None, 2)
    # Blocks 1-5 are Keras's own VGG16, by name and shape, so that its ImageNet weights fit.
    import tensorflow as tf

    reference = tf.keras.applications.VGG16(include_top=False, weights=None, input_shape=(512, 512, 3))
    for layer in reference.layers[1:]:
        ours = model.get_layer(layer.name)
        assert [w.shape for w in ours.weights] == [w.shape for w in layer.weights], layer.name
        assert ours.output_shape == layer.output_shape, layer.name


def test_layers_are_plain_named_and_explicit():
    model = vgg16_block6(256, width_divisor=8)
    kinds = {type(layer).__name__ for layer in model.layers}
    assert kinds == {"InputLayer", "Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dropout"}
    head = ["block6_pool", "flatten", "dense1", "dropout1", "dense2", "dropout2", "predictions"]
    assert [layer.name for layer in model.layers][-7:] == head
    assert model.layers[0].name == "film"
    assert [layer.name for layer in model.layers if "conv" in layer.name] == CONVOLUTIONS + [
        f"block6_conv{n}" for n in (1, 2, 3)
    ]
    assert all(model.get_layer(f"block6_conv{n}").padding == "valid" for n in (1, 2, 3))


def test_what_cannot_be_built_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="size=256 or more"):
        vgg16_block6(size=224)
    with pytest.raises(ValueError, match="does not divide 64"):
        vgg16_block6(size=256, width_divisor=3)


@pytest.fixture(scope="module")
def official_weights(tmp_path_factory):
    """A file in the official layout (14 layers by name, kernels and biases) with known, small weights."""
    import tensorflow as tf

    vgg = tf.keras.applications.VGG16(include_top=False, weights=None, input_shape=(256, 256, 3))
    for layer in vgg.layers:
        layer.set_weights([np.full(w.shape, 0.5, np.float32) for w in layer.get_weights()])
    path = tmp_path_factory.mktemp("imagenet") / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    vgg.save_weights(path, save_format="h5")
    return path


def test_imagenet_weights_reach_every_convolution(official_weights):
    model = vgg16_block6(256)
    assert load_imagenet_vgg16(model, str(official_weights)) == CONVOLUTIONS
    assert all((model.get_layer(name).kernel.numpy() == 0.5).all() for name in CONVOLUTIONS)
    assert not (model.get_layer("block6_conv1").kernel.numpy() == 0.5).any()


def test_imagenet_start_that_loads_nothing_is_noticed(official_weights, tmp_path, monkeypatch):
    import tensorflow as tf

    vgg = tf.keras.applications.VGG16(include_top=False, weights=None, input_shape=(256, 256, 3))
    nested = tf.keras.Sequential([vgg, tf.keras.layers.Flatten()])
    nested.save_weights(tmp_path / "nested.h5", save_format="h5")
    with pytest.raises(ValueError, match=r"13 of 13 convolutions are as before.*nested"):
        load_imagenet_vgg16(vgg16_block6(256), str(tmp_path / "nested.h5"))
    with pytest.raises(ValueError, match="width_divisor=1"):
        load_imagenet_vgg16(vgg16_block6(256, 8), str(official_weights))
    with pytest.raises(ValueError, match="flat"):
        load_imagenet_vgg16(nested, str(official_weights))
    monkeypatch.setenv("DATA_FETCH_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match="DATA_FETCH_OFFLINE"):
        load_imagenet_vgg16(vgg16_block6(256))


def test_importing_medxai_is_cheap():
    code = (
        "import sys, medxai, medxai.metrics, medxai.preprocessing, medxai.models; dir(medxai); "
        "sys.exit('tensorflow' in sys.modules or 'sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
