"""Hidden checks of pointing_game: one function for each graded cell."""

import numpy as np


def _scene(rng, n=5, height=24, width=40):
    """Masks somewhere on the right half, maps whose maximum stands in a known place."""
    masks = np.zeros((n, height, width), bool)
    maps = rng.uniform(-3, 0.5, (n, height, width))
    for k in range(n):
        top, left = rng.integers(2, 12), rng.integers(22, 30)
        masks[k, top : top + 6, left : left + 5] = True
    return maps, masks


def _play(f, maps, masks, tolerance):
    got = np.asarray(f(maps.copy(), masks.copy(), tolerance), float)
    if got.shape != (len(maps),):
        raise AssertionError("there must be one result for each film")
    return got


def pointing_game_1(f, rng):
    """The strongest evidence for the class decides, film by film; evidence against it never does."""
    maps, masks = _scene(rng)
    inside = np.array([True, False, True, False, True])
    for k, hit in enumerate(inside):
        row, column = (
            np.argwhere(masks[k])[rng.integers(masks[k].sum())] if hit else (rng.integers(24), rng.integers(12))
        )
        maps[k, row, column] = 1.0 + k  # films differ in scale
        maps[k, 0, 39] = -50.0
    got = _play(f, maps, masks, 0)
    if not np.array_equal(got, inside.astype(float)):
        raise AssertionError(
            "a film is a hit, 1, where its own largest value lies in its own mask, else a miss, 0; a strong negative value "
            "is no evidence for the class"
        )
    if not np.array_equal(_play(f, maps[1:2], masks[1:2], 0), got[1:2]):
        raise AssertionError("a film alone must have the result that it has in a batch")


def pointing_game_2(f, rng):
    """Ties must all hit, maps without evidence miss, empty masks are left out."""
    maps, masks = _scene(rng, 6)
    maps[:] = np.minimum(maps, 0)
    inside = np.argwhere(masks[0])[0], np.argwhere(masks[1])[-1]
    maps[0, inside[0][0], inside[0][1]] = maps[0, 23, 39] = 2.0  # the tie's first pixel is inside
    both = np.argwhere(masks[1])[[0, -1]]
    maps[1, both[:, 0], both[:, 1]] = 2.0  # all of the tie inside
    maps[1, 0, 39] = -50.0
    maps[2] = 0.0
    masks[2, 0, 0] = True  # where argmax of a blank map would point
    maps[3] = -1.0 - rng.uniform(size=maps[3].shape)
    maps[3][masks[3]] = -0.5  # the least negative values lie in the mask
    masks[4] = False
    maps[5] = 3.0  # the same everywhere
    for tolerance in (0, 3):
        got = _play(f, maps, masks, tolerance)
        if not np.isnan(got[4]) or np.isnan(np.delete(got, 4)).any():
            raise AssertionError("films with an empty mask, and only they, must be left out (NaN)")
        if got[0] != 0 or got[5] != 0:
            raise AssertionError("where several pixels share the maximum all of them must hit")
        if got[1] != 1:
            raise AssertionError("a tie whose pixels all lie in the mask is a hit")
        if got[2] != 0 or got[3] != 0:
            raise AssertionError("a map with nothing above zero has no evidence for the class: it must be a miss")


def pointing_game_3(f, rng):
    """The tolerance is a straight distance in pixels to the nearest pixel of the mask, its end included."""
    masks = np.zeros((4, 30, 30), bool)
    masks[:, 10:15, 8:20] = True
    maps = np.zeros((4, 30, 30))
    row, column = rng.integers(10, 15), rng.integers(8, 20)
    maps[0, 14 + 4, column] = 1.0  # 4 below
    maps[1, row, 19 + 7] = 1.0  # 7 to the right
    maps[2, 14 + 3, 19 + 3] = 1.0  # 4.24 off the corner
    maps[3, row, column] = 1.0
    maps *= np.array([1.0, 4.0, 2.0, 3.0])[:, None, None]  # films differ in scale
    wanted = {0: [0, 0, 0, 1], 3: [0, 0, 0, 1], 4: [1, 0, 0, 1], 5: [1, 0, 1, 1], 7: [1, 1, 1, 1]}
    for tolerance, hits in wanted.items():
        if not np.array_equal(_play(f, maps, masks, tolerance), hits):
            raise AssertionError(
                "a maximum beside the mask is a hit up to the tolerance and no further; the distance is straight, to the "
                "nearest pixel of the mask"
            )
