"""Hidden checks of signed_map: one function for each graded cell."""

import numpy as np


def _maps(f, maps):
    with np.errstate(all="ignore"):
        got = np.asarray(f(maps), float)
    if got.shape != maps.shape[:3]:
        raise AssertionError("maps of shape (N, H, W, C) must become (N, H, W), for any number of films and channels")
    return got


def _alone_and_unchanged(f, rng):
    """The maps stay as they were; a film alone gives what it gives in a batch; one channel will do."""
    for channels in (3, 1, 4):
        maps = rng.normal(size=(3, 4, 6, channels)).astype(np.float32)
        before = maps.copy()
        together = _maps(f, maps)
        if not np.array_equal(maps, before):
            raise AssertionError(
                "the maps that went in must be unchanged: you will want to look at them in another way"
            )
        if not np.allclose(_maps(f, before[1:2].copy())[0], together[1], atol=1e-5):
            raise AssertionError("a film alone must look as it looks in a batch")


def signed_map_1(f, rng):
    """The channels' sum, divided by its own largest magnitude film by film, sign kept (1e-5); maps unchanged."""
    for shape in ((2, 6, 5, 3), (3, 7, 4, 3), (5, 3, 3, 3)):
        maps = rng.normal(size=shape) * np.geomspace(0.01, 100, shape[0]).reshape(-1, 1, 1, 1)
        maps[0] = -np.abs(maps[0])
        sums = maps.sum(axis=3)
        got = _maps(f, maps.copy())
        largest = np.abs(sums).reshape(shape[0], -1).max(axis=1)
        if not np.allclose(got, sums / largest[:, None, None], rtol=1e-5, atol=1e-5):
            raise AssertionError(
                "each film must be the sum of its channels over its own largest magnitude: zero stays zero, a minus "
                "stays a minus, films do not share a scale"
            )
    _alone_and_unchanged(f, rng)


def signed_map_2(f, rng):
    """A film without any attribution stays blank, and so do no others."""
    maps = rng.normal(size=(4, 5, 6, 3)).astype(np.float32)
    maps[[1, 3]] = 0
    maps[2] *= np.float32(1e-7)
    got = _maps(f, maps.copy())
    if not np.isfinite(got).all():
        raise AssertionError("a map of zeros became something that is not a number: nothing was divided by nothing")
    if np.abs(got[[1, 3]]).max() > 0:
        raise AssertionError("a map of zeros must stay blank: zero is the middle of the scale")
    if not np.allclose(np.abs(got[[0, 2]]).max(axis=(1, 2)), 1, atol=1e-4):
        raise AssertionError("every other film must reach a magnitude of one, however small its numbers are")
