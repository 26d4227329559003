"""From stored films (uint8) to network input, and a check for wrong pixel ranges."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import PixelRangeError

# Mean blue, green and red of ImageNet, in the order of the "caffe" convention that VGG16's weights were trained with.
IMAGENET_MEANS = np.array([103.939, 116.779, 123.68], dtype=np.float32)

# The lowest and highest possible value after preprocessing: 0 - 123.68 and 255 - 103.939.
NETWORK_LOW = float(-IMAGENET_MEANS.max())
NETWORK_HIGH = float(255 - IMAGENET_MEANS.min())
CONVENTION = "imagenet-caffe"

# The card's [input] table of a network whose input comes from `to_network_input`.
INPUT_CONTRACT = {
    "channels": 3,
    "low": round(NETWORK_LOW, 3),
    "high": round(NETWORK_HIGH, 3),
    "convention": CONVENTION,
}


def to_network_input(images: np.ndarray) -> np.ndarray:
    """Grey films as VGG16 expects them: three channels, blue-green-red, minus the ImageNet mean of each.

    Parameters
    ----------
    images : uint8 array, (N, H, W)
        0 black to 255 white. Not changed. Pages of a memory-mapped file are released after reading (`release`), so that
        a pass over an image set of any length needs the memory of one batch.

    Returns
    -------
    float32 (N, H, W, 3), a new array, between -123.68 and 151.061. Channel 0 is blue (minus 103.939), 1 green (minus
    116.779), 2 red (minus 123.68): the "caffe" convention of `tf.keras.applications.vgg16.preprocess_input`, which
    works in place and must not be run twice on one array.

    Raises
    ------
    PixelRangeError
        The pixels are not uint8, for example because they are already preprocessed.
    ValueError
        The shape is not (N, H, W).
    """
    mapped, images = images, np.asarray(images)
    if images.dtype != np.uint8:
        low, high = (float(images.min()), float(images.max())) if images.size else (0.0, 0.0)
        mistake = (
            "They seem to be preprocessed already."
            if low < 0
            else "They seem to be scaled to 0-1: use the stored films unchanged."
            if high <= 1
            else "Convert them back with images.astype('uint8')."
        )
        raise PixelRangeError(
            f"to_network_input: expected stored films, uint8 from 0 to 255, got {images.dtype} from {low:.4g} to "
            f"{high:.4g}. {mistake} Pass the films as returned by data_fetch."
        )
    if images.ndim != 3:
        hint = " For one film, write images[:1] or image[None]." if images.ndim == 2 else ""
        raise ValueError(f"to_network_input: expected grey films of shape (N, H, W), got {images.shape}.{hint}")
    network_input = np.empty((*images.shape, 3), np.float32)
    for channel, mean in enumerate(IMAGENET_MEANS):  # channel by channel needs no intermediate copy, and is faster
        np.subtract(images, mean, out=network_input[..., channel], dtype=np.float32)
    release(mapped)
    return network_input


def release(images: np.ndarray) -> None:
    """Release the memory pages that were mapped by reading films of a memory-mapped, read-only file; changes nothing else.

    The system keeps the pages in its cache as long as there is room, so reading them again is quick; but they no longer
    count as this process's memory, to which a hub's limits and the out-of-memory killer apply.

    Parameters
    ----------
    images : array
        Only a `numpy.memmap` opened with mode "r", or a view of one, has pages to release.
    """
    # Mode "c" keeps changes in these pages; Windows does not support this.
    if not isinstance(images, np.memmap) or images.mode != "r" or not images.size or not hasattr(mmap, "MADV_DONTNEED"):
        return
    mapping: Any = images
    while isinstance(mapping, np.ndarray):
        mapping = mapping.base
    if not isinstance(mapping, mmap.mmap):
        return  # a copy, although its type is still memmap
    first = images.ctypes.data - np.frombuffer(mapping, np.uint8).ctypes.data
    spans = [(count - 1) * step for count, step in zip(images.shape, images.strides, strict=True)]
    low, high = (
        first + sum(min(span, 0) for span in spans),
        first + sum(max(span, 0) for span in spans) + images.itemsize,
    )
    start = low // mmap.PAGESIZE * mmap.PAGESIZE
    mapping.madvise(mmap.MADV_DONTNEED, start, high - start)


def shrink(images: np.ndarray, factor: int) -> np.ndarray:
    """Reduced films: the rounded mean of every block of factor x factor pixels.

    Parameters
    ----------
    images : uint8 array, (N, H, W)
        H and W are multiples of `factor`. Not changed.
    factor : int
        At least 1.

    Returns
    -------
    uint8 array, (N, H // factor, W // factor)

    Raises
    ------
    ValueError
        The films have another type or shape, or their sides are not divisible.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 3:
        raise ValueError(f"shrink: expected stored films, uint8 (N, H, W); got {images.dtype} {images.shape}.")
    number, height, width = images.shape
    if factor < 1 or height % factor or width % factor:
        raise ValueError(f"shrink: films of {height} x {width} pixels cannot be divided into blocks of {factor}.")
    small = np.empty((number, height // factor, width // factor), np.uint8)
    for row, image in enumerate(images):  # film by film, so that the whole image set is never converted to float
        blocks = image.reshape(height // factor, factor, width // factor, factor)
        small[row] = np.round(blocks.mean(axis=(1, 3)))
    return small


def check_pixel_range(x: np.ndarray, card: Mapping[str, Any]) -> None:
    """Raise PixelRangeError if network input `x` is not in the pixel range on `card`.

    Parameters
    ----------
    x : float array, (N, H, W, channels)
        Network input.
    card : mapping
        A checkpoint's card; its table `input` has `low`, `high`, `channels` and `convention`.

    A network accepts any numbers, so a wrong range goes unnoticed: films scaled to 0-1 look nearly black to a network
    trained on -124 to 151. Detects values outside the range, films scaled to 0-1 or -1 to 1, and, for the ImageNet
    convention, films without subtracted means, with means subtracted twice, or in RGB order.
    """
    contract = card["input"]
    low, high, channels = float(contract["low"]), float(contract["high"]), int(contract["channels"])
    x = np.asarray(x)
    if x.ndim != 4 or x.shape[-1] != channels:
        raise PixelRangeError(
            f"The network takes films of shape (N, H, W, {channels}), got {x.shape}. "
            "Prepare them with medxai.networks.preprocessing.to_network_input(films.images)."
        )
    if x.size == 0:
        return
    seen_low, seen_high = float(x.min()), float(x.max())
    mistake = _likely_mistake(x, seen_low, seen_high, low, high, contract.get("convention"))
    if mistake:
        raise PixelRangeError(
            f"Wrong pixel range for {card.get('name', 'this network')}: expected network input between {low:g} and "
            f"{high:g} ({contract.get('convention', 'as its card says')}), got {seen_low:.4g} to {seen_high:.4g}. "
            f"{mistake} Call medxai.networks.preprocessing.to_network_input(films.images) once, on the stored uint8 films."
        )


def _likely_mistake(
    x: np.ndarray, seen_low: float, seen_high: float, low: float, high: float, convention: str | None
) -> str:
    slack = 0.02 * (high - low)  # room for a resized or slightly noisy film
    if not np.isfinite([seen_low, seen_high]).all():
        return "Some values are NaN or infinite."
    varies = seen_high > seen_low
    if varies and low < -1 and high > 1:
        if seen_low >= 0 and seen_high <= 1:
            return "The films seem to be scaled to 0-1."
        if seen_low >= -1 and seen_high <= 1:
            return "The films seem to be scaled to -1 to 1."
    if convention == CONVENTION and varies and x.shape[-1] == 3:
        # The channels of grey films differ by constants, however dark the films are: 19.741 from blue to red.
        means = x.mean(axis=(0, 1, 2), dtype=np.float64)
        apart, expected = float(means[0] - means[2]), float(IMAGENET_MEANS[2] - IMAGENET_MEANS[0])
        if abs(apart) < 0.01 and np.array_equal(x[..., 0], x[..., 2]):
            return "The films seem to be unprocessed (0 to 255): the ImageNet means were not subtracted."
        if abs(apart - 2 * expected) < 0.5:
            return "The films seem to be preprocessed twice."
        if abs(apart + expected) < 0.5:
            return "The channels seem to be in the order red, green, blue; this network expects blue, green, red."
    if seen_low < low - slack:
        return (
            "The films seem to be preprocessed twice." if seen_high <= high + slack else "Were the films standardised?"
        )
    if seen_high > high + slack:
        return "The films seem to be unprocessed (0 to 255)." if seen_low >= 0 else "Were the films standardised?"
    return ""
