"""Hidden checks of overlay: one function for each graded cell."""

import numpy as np


def _case(rng, height, width):
    film = rng.integers(0, 256, (height, width)).astype(np.uint8)
    cam = rng.normal(size=(height, width))
    cam[0, 0], cam[1, 2] = 0.0, 9.0
    return film, cam


def _picture(f, film, cam, limit, hot, cold):
    got = np.asarray(f(film, cam, limit, hot, cold), float)
    if got.shape != (*film.shape, 3):
        raise AssertionError("an RGB picture of the film's size must come back")
    return got


def overlay_1(f, rng):
    """Hot at the maximum, cold at the minimum, the film where there is no evidence; in between a straight blend (1e-3)."""
    for (height, width), limit in (((5, 7), 3.0), ((9, 4), 0.5)):
        film, cam = _case(rng, height, width)
        hot, cold = rng.uniform(0, 1, 3), rng.uniform(0, 1, 3)
        got = _picture(f, film.copy(), cam.copy(), limit, tuple(hot), tuple(cold))
        grey = np.repeat(film[..., None] / 255.0, 3, axis=-1)
        if not np.allclose(got[0, 0], grey[0, 0], atol=1e-3):
            raise AssertionError("where the map is zero the film must show through as it is, bone white")
        if not np.allclose(got[1, 2], hot, atol=1e-3):
            raise AssertionError(
                "the maximum of the map must be hot; at the limit and beyond, the colour covers the film"
            )
        share = np.minimum(np.abs(cam) / limit, 1)[..., None]
        colour = np.where(cam[..., None] > 0, hot, cold)
        if not np.allclose(got, grey + share * (colour - grey), atol=1e-3):
            raise AssertionError("the share of the colour must be the map's magnitude over the limit, at most 1")


def overlay_2(f, rng):
    """One limit for all: half the evidence has half the colour; what goes in is unchanged."""
    film, cam = _case(rng, 6, 8)
    cam = cam / 20
    hot, cold = (1.0, 0.25, 0.0), (0.0, 0.5, 1.0)
    kept = film.copy(), cam.copy()
    full = _picture(f, film, cam, 1.0, hot, cold)
    if not (np.array_equal(film, kept[0]) and np.array_equal(cam, kept[1])):
        raise AssertionError("the film and the map that went in must be unchanged")
    half = _picture(f, film, cam, 2.0, hot, cold)
    tint = [picture[..., 0] - picture[..., 2] for picture in (full, half)]
    if not np.allclose(tint[0], np.clip(cam, -1, 1), atol=2e-3):
        raise AssertionError(
            "the colour must follow the map, and never the film's own brightness or the map's own range"
        )
    if not np.allclose(tint[1], tint[0] / 2, atol=2e-3):
        raise AssertionError("the limit is the caller's: with twice the limit a map must have half of the colour")
