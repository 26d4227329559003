"""Hidden checks of score_methods: one function for each graded cell."""

import numpy as np


def _ward(rng, n=3, height=48, width=64):
    """Films, heart masks of different place and size, and two signed maps."""
    masks = np.zeros((n, height, width), bool)
    for k, mask in enumerate(masks):
        top, left = rng.integers(2, 18), rng.integers(2, 26)
        mask[top : top + 12 + 4 * k, left : left + 15 + 5 * k] = True
    films = rng.integers(0, 256, masks.shape).astype(np.uint8)
    maps = {"first": rng.normal(size=masks.shape), "second": rng.normal(size=masks.shape) * (1 + 4 * masks) * 1e-6}
    return maps, films, masks


def _found(values, mask):
    size = np.abs(values.astype(float))
    return size[mask].sum() / size.sum() / mask.mean()


def _scores(f, maps, films, masks, seed=0):
    given = {name: values.copy() for name, values in maps.items()}
    with np.errstate(all="ignore"):
        got = f(given, films.copy(), masks.copy(), seed)
    return {name: np.asarray(values, float) for name, values in got.items()}


def score_methods_1(f, rng):
    """The lift of each film: share of the map's magnitude in the heart over the share of the area."""
    for n in (1, 3):
        maps, films, masks = _ward(rng, n)
        got = _scores(f, maps, films, masks)
        for name, values in maps.items():
            if name not in got or got[name].shape != (n,):
                raise AssertionError("every method must have one lift for each film")
            if not np.allclose(got[name], [_found(v, m) for v, m in zip(values, masks)], rtol=1e-3):
                raise AssertionError(
                    "a lift is the share of the magnitude inside over the share of the area, film by film"
                )


def score_methods_2(f, rng):
    """The three null baselines: the centred Gaussian, the film itself, and noise that the seed decides."""
    maps, films, masks = _ward(rng)
    got = _scores(f, maps, films, masks, seed=3)
    if any(name not in got for name in ("centred Gaussian", "the film itself", "random")):
        raise AssertionError("one of the three null baselines is missing, or has another name")
    if not np.allclose(got["the film itself"], [_found(v, m) for v, m in zip(films, masks)], rtol=1e-3):
        raise AssertionError("the film itself, as a map, is scored like any other map: its grey values, unchanged")
    rows, columns = np.arange(48) - 23.5, np.arange(64) - 31.5
    bell = np.exp(-0.5 * ((rows / 12)[:, None] ** 2 + (columns / 16) ** 2))
    if not np.allclose(got["centred Gaussian"], [_found(bell, m) for m in masks], rtol=0.05):
        raise AssertionError("the Gaussian must stand in the middle, with a quarter of each side as standard deviation")
    random, again, other = (
        got["random"],
        _scores(f, maps, films, masks, 3)["random"],
        _scores(f, maps, films, masks, 4)["random"],
    )
    if not np.allclose(random, again) or np.allclose(random, other):
        raise AssertionError("the seed, and nothing else, must decide the random maps")
    if not np.allclose(random, 1, atol=0.25):
        raise AssertionError("random maps know nothing of the heart: their lift must be close to 1")


def score_methods_3(f, rng):
    """Signs do not cancel, scale does not matter, a blank map has lift 0."""
    maps, films, masks = _ward(rng)
    chequered = np.indices(masks.shape[1:]).sum(axis=0) % 2 * 2.0 - 1.0
    strong = np.abs(maps["first"]) + 0.1
    maps = {
        "all for": strong,
        "all against": -strong,
        "mixed": strong * chequered,
        "faint": strong * 1e-6,
        "blank": strong * 0,
    }
    got = _scores(f, maps, films, masks)
    for name in ("all against", "mixed"):
        if not np.allclose(got[name], got["all for"], rtol=1e-3):
            raise AssertionError("evidence against the class counts too: a map's signs must not change its lift")
    if not np.allclose(got["faint"], got["all for"], rtol=1e-3):
        raise AssertionError("a map a million times fainter has the same shares, so the same lift")
    if not np.allclose(got["blank"], 0):
        raise AssertionError("a map that is zero everywhere has found nothing: its lift must be 0")
