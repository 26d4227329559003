"""Hidden checks of preprocess: one function for each graded cell."""

import numpy as np


def preprocess_1(f, rng):
    """Each channel is grey minus its own mean, blue first."""
    films = rng.integers(0, 256, (2, 5, 7)).astype(np.uint8)
    films[0, 0, :2] = 0, 255
    x = np.asarray(f(films.copy()), float)
    if x.shape != (2, 5, 7, 3):
        raise AssertionError("a batch of grey films must get three channels, and they come last")
    offsets = films[..., None].astype(float) - x
    if np.ptp(offsets.reshape(-1, 3), axis=0).max() > 1e-2:
        raise AssertionError(
            "each channel must be the grey value minus one fixed number: no division, no statistics of the batch"
        )
    if not np.allclose(offsets[0, 0, 0], [103.939, 116.779, 123.68], atol=1e-2):
        raise AssertionError("the numbers to subtract are ImageNet's means, once, in the order blue, green, red")


def preprocess_2(f, rng):
    """The films stay as they were; a film does not depend on its batch."""
    films = rng.uniform(0, 255, (3, 6, 4)).astype(np.float32)
    before = films.copy()
    x = np.asarray(f(films))
    if not np.array_equal(films, before):
        raise AssertionError(
            "the films that went in must be unchanged afterwards: running a cell twice must not preprocess twice"
        )
    if x.dtype != np.float32:
        raise AssertionError("the network input must be float32")
    alone = np.asarray(f(before[1:2].copy()))
    if alone.shape != (1, 6, 4, 3) or not np.allclose(alone[0], x[1], atol=1e-3):
        raise AssertionError("a film alone must give what it gives in a batch, on any shape")
    frozen = before.copy()
    frozen.setflags(write=False)
    try:
        f(frozen)
    except ValueError:
        raise AssertionError(
            "films from the cache are read-only: write into a new array, never into the films"
        ) from None
