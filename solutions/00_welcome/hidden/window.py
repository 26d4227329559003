"""Hidden checks of window: one function for each graded cell. A message names the property, never an input or an expected value."""

import numpy as np


def window_1(f, rng):
    """Inside the window greys rise in equal steps from 0 to 1, to 1e-4."""
    for shape in ((6, 9), (3, 5, 4)):
        centre, width = rng.uniform(-50, 200), rng.uniform(5, 300)
        share = rng.uniform(0, 1, shape)
        film = (centre + (share - 0.5) * width).astype(np.float32)
        shown = np.asarray(f(film.copy(), centre, width), dtype=float)
        if shown.shape != shape:
            raise AssertionError("the picture must have the shape of what was given, for one film and for many")
        if not np.allclose(shown, share, atol=1e-4):
            raise AssertionError(
                "inside the window the grey must rise evenly, from 0 at its lower end to 1 at its upper end, wherever the "
                "window lies and whatever the film's own range is"
            )


def window_2(f, rng):
    """What is darker than the window is exactly 0, what is brighter exactly 1, in films of 8 bits too."""
    for dtype in (np.uint8, np.float32):
        centre, half = int(rng.integers(90, 160)), int(rng.integers(10, 60))
        film = rng.integers(0, 256, (4, 20, 20)).astype(dtype)
        film[:, 0, 0], film[:, 0, 1] = 0, 255
        shown = np.asarray(f(film.copy(), centre, 2 * half), dtype=float)
        if shown.shape != film.shape:
            raise AssertionError("the picture must have the shape of what was given, for one film and for many")
        darker, brighter = film < centre - half, film > centre + half
        if not (np.all(shown[darker] == 0) and np.all(shown[brighter] == 1)):
            raise AssertionError(
                "outside the window only black and white are left, exactly 0 and exactly 1, also when the film holds whole "
                "numbers of 8 bits, in which a difference below zero wraps around"
            )


def window_3(f, rng):
    """The film itself is not changed."""
    film = rng.integers(0, 256, (2, 8, 8)).astype(np.float32)
    before = film.copy()
    shown = f(film, 128.0, 60.0)
    if np.shape(shown) != film.shape:
        raise AssertionError("there must be a picture, in the shape of the film that was given")
    if not np.array_equal(film, before) or (isinstance(shown, np.ndarray) and np.shares_memory(shown, film)):
        raise AssertionError("the film that was given must stay as it was, and the picture must be a new array")
