"""Visible checks of the tiny course. Each takes the student's function and judges it by properties, on inputs done by hand."""

import numpy as np


def normalise(f):
    film = np.array([[2.0, 4.0], [6.0, 10.0]])
    before = film.copy()
    out = f(film)
    if out is None:
        raise AssertionError("normalise: your function gave back nothing. Is the `return` missing?")
    out = np.asarray(out)
    if not np.array_equal(film, before):
        raise AssertionError("normalise: your function changed the film it was given. Make a new array instead.")
    if out.shape != film.shape:
        raise AssertionError(f"normalise: a film of shape (2, 2) must keep its shape, got {out.shape}.")
    if np.allclose(out, film / film.max()):
        raise AssertionError("normalise: the lowest value should become 0. Did you divide without subtracting first?")
    if not np.allclose(out, [[0, 0.25], [0.5, 1]]):
        raise AssertionError(f"normalise: by hand the film becomes 0, 0.25, 0.5, 1, got {out.ravel().tolist()}.")
    return "normalise: the example is right. Points come from other films."


def heart_share(f):
    heart = np.zeros((4, 6), bool)
    heart[1, 2:4] = True
    lungs = np.zeros((4, 6), bool)
    lungs[:, 0] = lungs[:, 5] = True
    share = f(heart, lungs)
    if not np.isscalar(share):
        raise AssertionError(f"heart_share: one number for one film, got {type(share).__name__}.")
    if np.isclose(share, 2 / 8):
        raise AssertionError("heart_share: this is area by area. How wide is the heart, and how far do the lungs reach?")
    if not np.isclose(share, 2 / 6):
        raise AssertionError(f"heart_share: by hand the heart is 2 wide and the thorax 6, so 1/3; got {share:.3f}.")
    return "heart_share: the example is right. Points come from other films."
