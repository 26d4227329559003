"""Hidden checks of heart_share. A message names the property, never an input or an expected value."""

import numpy as np


def block(rng, width, height):
    mask = np.zeros((12, 40), bool)
    top, left = rng.integers(0, 12 - height), rng.integers(0, 40 - width)
    mask[top : top + height, left : left + width] = True
    return mask


def heart_share_1(f, rng):
    """Width by width, to 1e-9; wherever the masks lie."""
    for _ in range(3):
        heart, lungs = int(rng.integers(4, 15)), int(rng.integers(20, 35))
        if not np.isclose(f(block(rng, heart, 4), block(rng, lungs, 7)), heart / lungs):
            raise AssertionError("the share is the heart's width divided by the thorax's, both counted in pixels, ends included")


def heart_share_2(f, rng):
    """Gaps inside a mask do not make it narrower."""
    heart, lungs = block(rng, 10, 4), block(rng, 30, 7)
    columns = np.flatnonzero(lungs.any(axis=0))
    lungs[:, columns[8:22]] = False
    if not np.isclose(f(heart, lungs), 10 / 30):
        raise AssertionError("a width goes from the leftmost to the rightmost pixel; a gap between the lungs belongs to the thorax")
