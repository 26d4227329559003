"""The course's networks, each built by one plain function.

They are plain, so that attribution methods can read them: a named `Input`, one Keras layer per step, activations inside
the layers, no nested model, no `ReLU()`, `Rescaling` or `Lambda` layers.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

# Blocks 1-5 of VGG16 at full width: (channels, convolutions).
VGG16_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
BLOCK6_CHANNELS = 512

# Five poolings divide the side by 32, three valid 3x3 convolutions remove 6, and a 2x2 pooling needs at least 2.
SMALLEST_SIZE = 256


def vgg16_block6(
    size: int = 512,
    width_divisor: int = 1,
    batch_norm: bool = False,
    channels: int = 3,
    classes: int = 2,
    activation: str = "softmax",
) -> tf.keras.Model:
    """Blocks 1-5 of VGG16, a sixth block for larger films, and a small head: the network of lab 01.

    Parameters
    ----------
    size : int
        Side of the square input in pixels, at least 256. At 512 block 6 ends at 5 x 5 x 512, at 256 at 1 x 1 x 512.
    width_divisor : int
        Divides the channels of every convolution. 1 is the full network (23,076,274 parameters at 512 px), 8 the one
        that trains on two CPU cores in minutes.
    batch_norm : bool
        Put BatchNormalization between each convolution and its ReLU, as needed for training from random weights. Fold
        it afterwards (`medxai.networks.fold.fold_batch_norm`): attribution methods need the plain network.
    channels : int
        Channels of the input, 3 for ImageNet weights.
    classes : int
        Number of outputs.
    activation : str
        Activation of the last layer, "softmax" or "linear" (logits).

    Returns
    -------
    keras Model from (N, size, size, channels) float32 to (N, classes). Layers: `film`, `blockI_convJ`, `blockI_pool`
    for I = 1-6, `flatten`, `dense1` (100), `dropout1`, `dense2` (20), `dropout2`, `predictions`; with BatchNorm also
    `blockI_convJ_bn` and `blockI_convJ_relu`.

    Raises
    ------
    ValueError
        The input is too small for block 6, or the divisor does not divide 64.

    Source: blocks 1-5 after Simonyan and Zisserman, arXiv 1409.1556; block 6 and the head after the VISUM 2019
    hands-on session on explainable medical image analysis.
    """
    import tensorflow as tf

    layers = tf.keras.layers
    if size < SMALLEST_SIZE:
        raise ValueError(
            f"vgg16_block6: an input of {size} x {size} pixels is too small. Five poolings leave {size // 32} x "
            f"{size // 32}, and block 6 needs at least 8 x 8. Use size={SMALLEST_SIZE} or more."
        )
    _check_divisor("vgg16_block6", width_divisor)

    film = x = layers.Input((size, size, channels), name="film")
    for block, (filters, count) in enumerate(VGG16_BLOCKS, start=1):
        for number in range(1, count + 1):
            x = _convolution(x, filters // width_divisor, f"block{block}_conv{number}", batch_norm)
        x = layers.MaxPooling2D(name=f"block{block}_pool")(x)
    for number in range(1, 4):
        x = _convolution(x, BLOCK6_CHANNELS // width_divisor, f"block6_conv{number}", batch_norm, "valid")
    x = layers.MaxPooling2D(name="block6_pool")(x)

    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(100, activation="relu", name="dense1")(x)
    x = layers.Dropout(0.1, name="dropout1")(x)
    x = layers.Dense(20, activation="relu", name="dense2")(x)
    x = layers.Dropout(0.1, name="dropout2")(x)
    x = layers.Dense(classes, activation=activation, name="predictions")(x)
    return tf.keras.Model(film, x, name="vgg16_block6")


# Channels of the four stages at full width.
STAGES = (64, 128, 256, 512)


def skip_sum_stages(
    size: int = 256,
    width_divisor: int = 1,
    batch_norm: bool = False,
    channels: int = 3,
    classes: int = 2,
    activation: str = "softmax",
) -> tf.keras.Model:
    """Eight convolutions in four stages, each with a skip sum and pooling, then global average pooling: lab 04.

    In each stage the outputs of both convolutions are added and pooled, with max pooling in the first three stages and
    average pooling in the last. One dense layer on the channel means follows, so class activation maps are exact.

    Parameters
    ----------
    size : int
        Side of the square input in pixels, a multiple of 16, at least 32. 256 ends at 16 x 16 x 512, 128 at 8 x 8.
    width_divisor : int
        Divides the channels of every convolution; with 8 the network trains on two CPU cores in minutes.
    batch_norm : bool
        Put BatchNormalization between each convolution and its ReLU, as needed for training from random weights: without
        it a learning rate of 0.05 ends in NaN. Fold it afterwards (`medxai.networks.fold.fold_batch_norm`).
    channels : int
        Channels of the input.
    classes : int
        Number of outputs.
    activation : str
        Activation of the last layer, "softmax" or "linear" (logits).

    Returns
    -------
    keras Model from (N, size, size, channels) float32 to (N, classes). Layers: `film`, `stageI_conv1`, `stageI_conv2`,
    `stageI_sum`, `stageI_pool` for I = 1-4, `gap`, `predictions`; with BatchNorm also `stageI_convJ_bn` and
    `stageI_convJ_relu`.

    Raises
    ------
    ValueError
        The input cannot be halved four times, or the divisor does not divide 64.

    Source: the network of MIT 6.S191 (2019), lab 2 part 2, as described there.
    """
    import tensorflow as tf

    layers = tf.keras.layers
    if size < 32 or size % 16:
        raise ValueError(
            f"skip_sum_stages: an input of {size} x {size} pixels cannot be halved four times. Use a multiple of 16, at "
            "least 32."
        )
    _check_divisor("skip_sum_stages", width_divisor)

    film = x = layers.Input((size, size, channels), name="film")
    for stage, filters in enumerate(STAGES, start=1):
        first = _convolution(x, filters // width_divisor, f"stage{stage}_conv1", batch_norm)
        second = _convolution(first, filters // width_divisor, f"stage{stage}_conv2", batch_norm)
        x = layers.Add(name=f"stage{stage}_sum")([first, second])
        # With max pooling in the last stage, the channel means would be so large that the dense layer oscillates between
        # the classes at a learning rate of 0.05 with momentum, and nothing is learned until the rate has decayed.
        pool = layers.MaxPooling2D if stage < len(STAGES) else layers.AveragePooling2D
        x = pool(name=f"stage{stage}_pool")(x)
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    x = layers.Dense(classes, activation=activation, name="predictions")(x)
    return tf.keras.Model(film, x, name="skip_sum_stages")


def _check_divisor(builder: str, width_divisor: int) -> None:
    if width_divisor < 1 or 64 % width_divisor:
        raise ValueError(
            f"{builder}: width_divisor={width_divisor} does not divide 64, the number of channels in the first block. "
            "Use 1, 2, 4, 8, 16, 32 or 64."
        )


def _convolution(x: tf.Tensor, filters: int, name: str, batch_norm: bool, padding: str = "same") -> tf.Tensor:
    """A 3x3 convolution with its ReLU, optionally with BatchNorm between them."""
    import tensorflow as tf

    layers = tf.keras.layers
    if not batch_norm:
        return layers.Conv2D(filters, 3, padding=padding, activation="relu", name=name)(x)
    # BatchNorm would subtract a bias together with the mean.
    x = layers.Conv2D(filters, 3, padding=padding, use_bias=False, kernel_initializer="he_normal", name=name)(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


# The builders that a checkpoint's card may name, and their descriptions on the card.
BUILDERS = {"vgg16_block6": vgg16_block6, "skip_sum_stages": skip_sum_stages}
ARCHITECTURES = {
    "vgg16_block6": "VGG16 blocks 1-5, block 6 of three valid convolutions, dense 100, 20, 2, softmax",
    "skip_sum_stages": "8 convolutions in 4 stages with skip sums and pooling, global average pooling, dense 2, softmax",
}

IMAGENET_VGG16 = "vgg16-imagenet"  # in data_fetch's registry, with the address and MD5 that Keras applications use


def imagenet_vgg16_file(path: str | os.PathLike | None = None) -> Path:
    """The file of VGG16's ImageNet weights without the top, 59 MB.

    Parameters
    ----------
    path : path, optional
        An existing file. By default the file is in the cache of data_fetch, downloaded once and checked against the
        registry's MD5 at each call.

    Returns
    -------
    Path

    Raises
    ------
    FileNotFoundError
        `path` does not exist.
    DataFetchError
        The file cannot be fetched, or is not the published one.
    """
    if path is None:
        from data_fetch import fetch_file

        return fetch_file(IMAGENET_VGG16)
    if not Path(path).is_file():
        raise FileNotFoundError(f"load_imagenet_vgg16: file not found: {path}.")
    return Path(path)


def imagenet_vgg16_start(path: str | os.PathLike) -> str:
    """The card's description of a file of starting weights: "ImageNet", or the name and SHA-256 of another file."""
    import hashlib

    from data_fetch.store.registry import registry

    with open(path, "rb") as file:
        if hashlib.file_digest(file, "md5").hexdigest() == registry()["files"][IMAGENET_VGG16]["md5"]:
            return "ImageNet"
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{Path(path).name}, sha256 {sha256}, which is not the published file of ImageNet weights"


def load_imagenet_vgg16(model: tf.keras.Model, path: str | os.PathLike | None = None) -> list[str]:
    """Start blocks 1-5 of a full-width `vgg16_block6` from ImageNet weights.

    Loading by name silently skips names that it does not find: from a file saved from a *nested* model it loads nothing
    at all. Therefore every convolution is compared before and after.

    Parameters
    ----------
    model : keras Model
        Changed in place.
    path : path, optional
        A local copy of vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5, or another file with that layout. None uses the
        published file: see `imagenet_vgg16_file`.

    Returns
    -------
    list of str
        The layers that were loaded.

    Raises
    ------
    ValueError
        The model has another width or BatchNorm, the file is not a complete file of weights, or a convolution did not
        change.
    FileNotFoundError, DataFetchError
        As for `imagenet_vgg16_file`.
    """
    import numpy as np

    names = [f"block{b}_conv{n}" for b, (_, count) in enumerate(VGG16_BLOCKS, 1) for n in range(1, count + 1)]
    present = {layer.name: layer for layer in model.layers}
    odd = [name for name in names if name not in present or not present[name].weights]
    if odd:
        raise ValueError(
            f"load_imagenet_vgg16: the model has no layer {odd[0]!r}. Build a flat model with vgg16_block6: "
            "nothing would be loaded into a nested model."
        )
    first = tuple(present["block1_conv1"].kernel.shape)
    if first != (3, 3, 3, 64) or len(present["block1_conv1"].weights) != 2:
        raise ValueError(
            f"load_imagenet_vgg16: block1_conv1 has a kernel of shape {first}; ImageNet weights fit only "
            "vgg16_block6(width_divisor=1, batch_norm=False, channels=3), (3, 3, 3, 64) with a bias."
        )
    file = imagenet_vgg16_file(path)
    before = {name: present[name].kernel.numpy() for name in names}
    try:
        model.load_weights(str(file), by_name=True)
    except (OSError, KeyError, ValueError) as error:
        from data_fetch.store.registry import registry

        whole = registry()["files"][IMAGENET_VGG16]["bytes"]
        raise ValueError(
            f"load_imagenet_vgg16: {file} cannot be read as a file of VGG16's weights, or is incomplete: {error}. "
            f"Expected {whole:,} bytes, got {file.stat().st_size:,}. Fetch it again: data-fetch get {IMAGENET_VGG16}"
        ) from None
    same = [name for name in names if np.array_equal(before[name], present[name].kernel.numpy())]
    if same:
        raise ValueError(
            f"load_imagenet_vgg16: {len(same)} of {len(names)} convolutions are unchanged (first {same[0]!r}): the file "
            f"{file.name} does not contain them under these names. Was it saved from a nested model?"
        )
    return names
