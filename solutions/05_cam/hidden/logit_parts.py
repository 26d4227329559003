"""Hidden checks of logit_parts: one function for each graded cell."""

import numpy as np


def _scene(rng, n, height, width, names):
    maps = rng.normal(size=(n, height, width))
    regions = {name: rng.uniform(size=maps.shape) < 0.3 for name in names}
    regions[names[-1]][0] = False  # a film without it
    return maps, regions


def _parts(f, maps, regions):
    with np.errstate(all="ignore"):
        got = f(maps.copy(), {name: mask.copy() for name, mask in regions.items()})
    if not isinstance(got, dict) or set(got) != {*regions, "elsewhere"}:
        raise AssertionError("each region must have its part, and the rest of the film the part called elsewhere")
    got = {name: np.asarray(values, float) for name, values in got.items()}
    if any(values.shape != (len(maps),) for values in got.values()):
        raise AssertionError("each part must have one number for each film")
    return got


def logit_parts_1(f, rng):
    """The parts add up to the mean of the map, for any number of regions, overlapping or not (1e-6)."""
    for names in (["air"], ["air", "drain"], ["heart", "air", "drain"]):
        maps, regions = _scene(rng, 4, 9, 7, names)
        total = sum(_parts(f, maps, regions).values())
        if not np.allclose(total, maps.mean(axis=(1, 2)), atol=1e-6):
            raise AssertionError(
                "the parts must add up to the mean of the map, the logit without its bias: no pixel twice, none left out, "
                "and all over the pixels of the whole film"
            )


def logit_parts_2(f, rng):
    """A pixel belongs to the first region that claims it, in the order of the dict; signs stay (1e-6)."""
    maps, regions = _scene(rng, 3, 8, 8, ["a", "b", "c"])
    got, free = _parts(f, maps, regions), np.ones(maps.shape, bool)
    for name, mask in regions.items():
        wanted = (maps * (mask & free)).sum(axis=(1, 2)) / maps[0].size
        if not np.allclose(got[name], wanted, atol=1e-6):
            raise AssertionError(
                "a pixel counts for the first region that holds it, with its sign, divided by the pixels of the film"
            )
        free &= ~mask
