"""The networks of labs 01 and 04 against what the course says of them."""

import subprocess
import sys

import numpy as np
import pytest

from medxai.networks.models import VGG16_BLOCKS, load_imagenet_vgg16, skip_sum_stages, vgg16_block6

pytestmark = pytest.mark.kernel

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


def test_the_stages_end_as_the_course_says_and_are_summed():
    full = skip_sum_stages()
    assert full.get_layer("stage4_pool").output_shape == (None, 16, 16, 512)
    assert full.get_layer("predictions").kernel.shape == (512, 2) and full.output_shape == (None, 2)
    assert skip_sum_stages(128, 8).get_layer("stage4_pool").output_shape == (None, 8, 8, 64)
    assert [layer.name for layer in full.layers if "conv" in layer.name] == [
        f"stage{stage}_conv{number}" for stage in (1, 2, 3, 4) for number in (1, 2)
    ]
    model = skip_sum_stages(64, 16, channels=1, activation="linear")
    kinds = {type(layer).__name__ for layer in model.layers}
    assert kinds == {
        "InputLayer",
        "Conv2D",
        "Add",
        "MaxPooling2D",
        "AveragePooling2D",
        "GlobalAveragePooling2D",
        "Dense",
    }
    assert model.count_params() < 30_000 and model.layers[-1].activation.__name__ == "linear"
    # A second convolution that gives nothing leaves the first one's output as the sum.
    import tensorflow as tf

    for stage in (1, 2, 3, 4):
        layer = model.get_layer(f"stage{stage}_conv2")
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    outputs = [model.get_layer(name).output for name in ("stage3_conv1", "stage3_sum")]
    first, summed = tf.keras.Model(model.input, outputs).predict(np.ones((1, 64, 64, 1)), verbose=0)
    assert np.array_equal(first, summed)


def test_the_stages_fold_into_plain_convolutions():
    from medxai.networks.fold import fold_batch_norm

    model = skip_sum_stages(64, 16, batch_norm=True)
    rng = np.random.default_rng(0)
    model.set_weights([np.abs(rng.normal(0.5, 0.3, weight.shape)) for weight in model.get_weights()])
    films = rng.normal(0, 1, (3, 64, 64, 3)).astype(np.float32)
    plain = fold_batch_norm(model)
    assert [layer.name for layer in plain.layers] == [layer.name for layer in skip_sum_stages(64, 16).layers]
    np.testing.assert_allclose(plain.predict(films, verbose=0), model.predict(films, verbose=0), atol=1e-4)


def test_stages_that_cannot_be_built_are_refused_with_the_remedy():
    with pytest.raises(ValueError, match="multiple of 16"):
        skip_sum_stages(size=100)
    with pytest.raises(ValueError, match="skip_sum_stages.*does not divide 64"):
        skip_sum_stages(size=64, width_divisor=3)


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


def test_imagenet_start_that_loads_nothing_is_noticed(official_weights, tmp_path):
    import tensorflow as tf

    vgg = tf.keras.applications.VGG16(include_top=False, weights=None, input_shape=(256, 256, 3))
    nested = tf.keras.Sequential([vgg, tf.keras.layers.Flatten()])
    nested.save_weights(tmp_path / "nested.h5", save_format="h5")
    with pytest.raises(ValueError, match=r"13 of 13 convolutions are unchanged.*nested"):
        load_imagenet_vgg16(vgg16_block6(256), str(tmp_path / "nested.h5"))
    with pytest.raises(ValueError, match="width_divisor=1"):
        load_imagenet_vgg16(vgg16_block6(256, 8), str(official_weights))
    with pytest.raises(ValueError, match="flat"):
        load_imagenet_vgg16(nested, str(official_weights))


def test_imagenet_weights_that_are_not_the_published_file_are_named(official_weights, tmp_path, monkeypatch):
    """From the cache of data_fetch and never from Keras's; a page, a part and another file are each refused."""
    from data_fetch import DataFetchError
    from medxai.networks.models import imagenet_vgg16_start

    monkeypatch.setenv("DATA_FETCH_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("DATA_FETCH_OFFLINE", "1")
    model = vgg16_block6(256)
    with pytest.raises(DataFetchError, match="DATA_FETCH_OFFLINE"):
        load_imagenet_vgg16(model)

    served = tmp_path / "mirror" / "files" / official_weights.name
    served.parent.mkdir(parents=True)
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(tmp_path / "mirror"))
    whole = official_weights.read_bytes()
    published = "6d6bbae143d832006294945121d1f1fc"
    for content, told in (
        (whole, rf"expected: md5 {published}\s+got: +md5 [0-9a-f]{{32}} \({len(whole):,} bytes\)"),
        (
            whole[: len(whole) // 2],
            rf"expected: md5 {published}\s+got: +md5 [0-9a-f]{{32}} \({len(whole) // 2:,} bytes\)",
        ),
        (b"<!DOCTYPE html><title>Sign in</title>", 'a web page[\\s\\S]*"Sign in"'),
    ):
        served.write_bytes(content)
        with pytest.raises(DataFetchError, match=told):
            load_imagenet_vgg16(model)
        assert not list((tmp_path / "cache" / "files").glob("*.h5")), "what is wrong is not kept"

    # A file of one's own is taken for what it is, and a part of one is told.
    assert "not the published file" in imagenet_vgg16_start(official_weights)
    part = tmp_path / "part.h5"
    part.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"part\.h5 cannot be read.*Expected 58,889,256 bytes, got"):
        load_imagenet_vgg16(model, part)


def test_importing_medxai_is_cheap():
    code = (
        "import sys, medxai, medxai.evaluate.metrics, medxai.networks.preprocessing, medxai.networks.models; dir(medxai); "
        "sys.exit('tensorflow' in sys.modules or 'sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
