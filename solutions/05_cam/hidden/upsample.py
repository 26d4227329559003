"""Hidden checks of upsample: one function for each graded cell."""

import numpy as np


def _lines(maps, size):
    """Straight lines between the centres of the cells, one axis after the other; level beyond the outer centres."""
    for axis, pixels in zip((1, 2), size):
        cells = maps.shape[axis]
        at = (np.arange(pixels) + 0.5) * cells / pixels - 0.5
        maps = np.apply_along_axis(lambda values, at=at: np.interp(at, np.arange(len(values)), values), axis, maps)
    return maps


def upsample_1(f, rng):
    """The size that was asked for, film by film, bilinear between centres, to 1e-4 of the map's size."""
    for shape, size in (((2, 8, 8), (128, 128)), ((1, 3, 5), (7, 40)), ((3, 4, 4), (30, 9)), ((4, 2, 3), (2, 3))):
        maps = rng.normal(size=shape) * 3
        before = maps.copy()
        got = np.asarray(f(maps, size), float)
        if not np.array_equal(maps, before):
            raise AssertionError("the maps that went in must be unchanged")
        if got.shape != (shape[0], *size):
            raise AssertionError("the maps must have the size that was asked for, (height, width), one for each film")
        if not np.allclose(got, _lines(maps, size), atol=1e-3):
            raise AssertionError(
                "values must change in straight lines between the centres of the cells, and stay level beyond the outer ones"
            )


def upsample_2(f, rng):
    """By a whole factor the mean stays (1e-4), and no value lies beyond the cells it came from."""
    for shape, factor in (((3, 4, 6), 8), ((2, 5, 3), 4)):
        maps = rng.normal(size=shape)
        got = np.asarray(f(maps, (shape[1] * factor, shape[2] * factor)), float)
        if got.shape != (shape[0], shape[1] * factor, shape[2] * factor):
            raise AssertionError("the maps must have the size that was asked for")
        if not np.allclose(got.mean(axis=(1, 2)), maps.mean(axis=(1, 2)), atol=1e-4):
            raise AssertionError(
                "enlarged by a whole factor a map must keep its mean: the mean plus the bias is still the logit"
            )
        if got.max() > maps.max() + 1e-6 or got.min() < maps.min() - 1e-6:
            raise AssertionError("enlarging must not invent evidence: no value beyond those of the cells")
