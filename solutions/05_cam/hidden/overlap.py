"""Hidden checks of overlap: one function for each graded cell."""

import numpy as np


def _scores(f, maps, masks, threshold):
    with np.errstate(all="ignore"):
        got = np.asarray(f(maps.copy(), masks.copy(), threshold), float)
    if got.shape != (len(maps),):
        raise AssertionError("there must be one overlap for each film")
    return got


def overlap_1(f, rng):
    """Intersection over union of {map >= threshold} and mask, film by film (1e-6)."""
    for shape, threshold in (((4, 9, 12), 0.5), ((2, 16, 5), -0.2), ((1, 8, 8), 1.0)):
        maps = np.round(rng.normal(size=shape) * rng.uniform(1, 3, (shape[0], 1, 1)), 1)
        maps[:, 0, 0] = threshold
        masks = rng.uniform(size=shape) < 0.4
        masks[:, 0, 0] = True
        region = maps >= threshold
        wanted = (region & masks).sum(axis=(1, 2)) / (region | masks).sum(axis=(1, 2))
        if not np.allclose(_scores(f, maps, masks, threshold), wanted, atol=1e-6):
            raise AssertionError(
                "an overlap is the pixels in both over the pixels in either; at the threshold counts, signs count, and "
                "each film has its own"
            )


def overlap_2(f, rng):
    """The threshold is absolute; nothing above it has overlap 0; an empty mask is NaN."""
    maps = rng.uniform(0.1, 1, (4, 6, 6))
    masks = np.zeros(maps.shape, bool)
    masks[:, 1:4, 2:5] = True
    maps[0] *= 0.01  # a faint map: its own maximum is no evidence
    maps[1] = -3.0 * masks[1]
    maps[2] = masks[2] * 2.0
    masks[3] = False
    got = _scores(f, maps, masks, 1.5)
    if not np.isnan(got[3]) or np.isnan(got[:3]).any():
        raise AssertionError("films with an empty mask, and only they, must be left out (NaN)")
    if got[0] != 0 or got[1] != 0:
        raise AssertionError("a map that never reaches the threshold overlaps nothing, whatever its own range")
    if not np.isclose(got[2], 1):
        raise AssertionError("a region that is exactly the mask must have overlap 1")
