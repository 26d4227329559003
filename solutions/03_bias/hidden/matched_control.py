"""Hidden checks of matched_control: one function for each graded cell.

Sixty to two hundred films a call, so that an answer which is wrong by chance for some films is wrong in every run.
"""

import numpy as np


def _case(rng, films, height, width):
    """Crooked cues near the edges of the films, each film's its own, and something in the middle to be left alone."""
    masks, avoid = np.zeros((films, height, width), bool), np.zeros((films, height, width), bool)
    shape = np.array([[1, 1, 1, 0], [1, 0, 0, 1], [1, 1, 0, 1]], bool)
    for number in range(films):
        top = height - 3 - int(rng.integers(0, 2))
        left = int(rng.integers(0, 3)) if number % 2 else width - 4 - int(rng.integers(0, 2))
        masks[number, top : top + 3, left : left + 4] = shape
    avoid[:, height // 4 : height // 2, width // 4 : width - 3] = True
    return masks, avoid


def _pixels(mask):
    found = np.argwhere(mask)
    return found - found.min(axis=0)


def _controls(f, masks, avoid, seed):
    got = np.asarray(f(masks, avoid, seed))
    if got.shape != masks.shape or got.dtype != bool:
        raise AssertionError("a bool mask must come back for each film, of the film's size")
    return got


def matched_control_1(f, rng):
    """The cue's shape, moved as a whole to where it lies inside the film and touches neither the cue nor what to avoid."""
    for height, width in ((16, 24), (26, 15)):
        masks, avoid = _case(rng, 80, height, width)
        got = _controls(f, masks.copy(), avoid.copy(), int(rng.integers(1000)))
        for number in range(len(masks)):
            if got[number].sum() != masks[number].sum():
                raise AssertionError("a control must have as many pixels as the cue of its film")
            if not np.array_equal(_pixels(got[number]), _pixels(masks[number])):
                raise AssertionError(
                    "a control must have the cue's very shape, moved as a whole: not scattered, and not cut at an edge to "
                    "come in again at the other"
                )
        if (got & masks).any():
            raise AssertionError("a control must not overlap the cue of its own film")
        if (got & avoid).any():
            raise AssertionError("a control must not touch what is to be left alone")


def matched_control_2(f, rng):
    """Places are drawn at random over all that is free, anew for each film, and by the seed alone."""
    masks, avoid = _case(rng, 200, 30, 30)
    got = _controls(f, masks.copy(), avoid.copy(), 3)
    corners = np.array([np.argwhere(one).mean(axis=0) if one.any() else (np.nan, np.nan) for one in got])
    upper, left = corners[:, 0] < 15, corners[:, 1] < 15
    if not all((upper == a)[left == b].any() for a in (True, False) for b in (True, False)):
        raise AssertionError("controls must be drawn from all that is free of the film, not from one part of it")
    if len(np.unique(corners.round(3), axis=0)) < 60:
        raise AssertionError("the place must be drawn anew for each film")
    if not np.array_equal(got, _controls(f, masks.copy(), avoid.copy(), 3)):
        raise AssertionError("the same seed must give the same places")
    if np.array_equal(got, _controls(f, masks.copy(), avoid.copy(), 4)):
        raise AssertionError("another seed must give other places")


def matched_control_3(f, rng):
    """A film without the cue keeps an empty mask, and the masks that went in stay as they were."""
    masks, avoid = _case(rng, 12, 16, 24)
    masks[[0, 5, 11]] = False
    kept = masks.copy(), avoid.copy()
    got = _controls(f, masks, avoid, 1)
    if not (np.array_equal(masks, kept[0]) and np.array_equal(avoid, kept[1])):
        raise AssertionError("the masks that went in must be unchanged")
    carries = kept[0].any(axis=(1, 2))
    if got[~carries].any():
        raise AssertionError("a film without the cue has nothing to be matched: its control is empty")
    if not np.array_equal(got.any(axis=(1, 2)), carries):
        raise AssertionError("every film that carries the cue needs its control, also behind films that carry none")
