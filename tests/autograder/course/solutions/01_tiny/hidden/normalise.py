"""Hidden checks of normalise. A message names the property, never an input or an expected value."""

import numpy as np


def some_film(rng):
    return rng.normal(rng.uniform(-50, 50), rng.uniform(1, 20), rng.integers(3, 9, 2))


def normalise_1(f, rng):
    """The lowest value becomes 0, the highest 1, in equal steps, to 1e-9."""
    for _ in range(3):
        film = some_film(rng)
        out = np.asarray(f(film.copy()), float)
        if out.shape != film.shape:
            raise AssertionError("a film must keep its shape")
        if not (np.isclose(out.min(), 0) and np.isclose(out.max(), 1)):
            raise AssertionError("the lowest value must become 0 and the highest 1, also where values are negative")
        if not np.allclose(out * (film.max() - film.min()) + film.min(), film, atol=1e-9):
            raise AssertionError("equal steps of grey must stay equal steps")


def normalise_2(f, rng):
    """A film of one grey becomes all 0."""
    film = np.full(rng.integers(3, 9, 2), float(rng.integers(1, 200)))
    with np.errstate(all="ignore"):
        out = np.asarray(f(film.copy()), float)
    if not np.array_equal(out, np.zeros_like(film)):
        raise AssertionError("a film of one grey has no range; it must become all 0, without dividing by nothing")
