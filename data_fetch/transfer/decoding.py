"""Decode the bytes of an image file into a film."""

from __future__ import annotations

import io

import numpy as np

from data_fetch.errors import DataFetchError
from data_fetch.transfer import transport

LARGEST = 4096  # pixels per side; the published films have 1024


def decode_film(content: bytes, size: int, name: str) -> np.ndarray:
    """Decode the bytes of an image file into a film, (size, size) uint8.

    Colour (some originals are RGBA with three equal channels, some have a palette) becomes grey by Pillow's luma,
    which preserves equal channels; transparency is ignored. Shrinking averages areas (exactly for the halves and
    quarters of 1024, otherwise with Pillow's BOX filter), enlarging is bicubic.

    Raises
    ------
    DataFetchError
        If the bytes are not an image, or the film is not square or more than 4096 pixels wide.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            _check_shape(image.width, image.height, name)
            image.load()
            if image.mode.startswith("I") or image.mode == "F":
                # 16-bit greys, which Pillow's convert would clip to 255.
                high = np.asarray(image).astype(np.float64)
                grey = Image.fromarray(np.round(high / 65535 * 255).clip(0, 255).astype(np.uint8))
            else:
                grey = image.convert("RGB").convert("L") if image.mode != "L" else image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as reason:
        transport.refuse_html(content[:4096], name, "an image")
        raise DataFetchError(f"A film cannot be decoded ({reason}).", where=name, expected="a PNG image") from None
    if grey.width > size and grey.width % size == 0:
        grey = grey.reduce(grey.width // size)  # three times as fast as BOX, and rounded once instead of twice
    elif grey.width != size:
        filter_ = Image.Resampling.BOX if size < grey.width else Image.Resampling.BICUBIC
        grey = grey.resize((size, size), filter_)
    return np.asarray(grey, dtype=np.uint8)


def _check_shape(width: int, height: int, name: str) -> None:
    if width != height:
        raise DataFetchError(
            "A film is not square, and rescaling it would change the shape of the heart.",
            where=name,
            expected="equal width and height",
            got=f"{width} x {height} pixels",
        )
    if width > LARGEST:
        # Refused before decoding: a few bytes can claim to be an image that fills the memory.
        raise DataFetchError(
            "A film is larger than expected.",
            where=name,
            expected=f"at most {LARGEST} x {LARGEST} pixels",
            got=f"{width} x {height} pixels",
        )
