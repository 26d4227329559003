"""Hidden checks of counterfactual: one function for each graded cell. Scores are compared to one part in a million."""

import numpy as np


def _network(rng, shape):
    """A score for each film, not linear in the pixels: films and changes cannot be swapped without being noticed."""
    weights = rng.normal(size=shape)

    def predict(images):
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim != 3:
            raise AssertionError("predict takes films as they are stored: uint8 (N, H, W)")
        return 1 / (1 + np.exp(-(images / 255.0 * weights).sum(axis=(1, 2))))

    return predict


def _effects(f, predict, films, changes):
    got = f(predict, films, changes)
    if not isinstance(got, dict) or set(got) != set(changes):
        raise AssertionError("a dict must come back, with the name of each change")
    found = {name: np.asarray(values, float) for name, values in got.items()}
    if any(values.shape != (len(films),) for values in found.values()):
        raise AssertionError("there must be one effect for each film and each change")
    return found


def counterfactual_1(f, rng):
    """Score after minus score before, film by film, each change made to the original films."""
    for count, shape in ((4, (6, 5)), (7, (3, 8))):
        predict, films = _network(rng, shape), rng.integers(20, 200, (count, *shape)).astype(np.uint8)
        changes = {
            "inverted": lambda x: (255 - np.asarray(x)).astype(np.uint8),
            "brighter": lambda x: (np.asarray(x) + 17).astype(np.uint8),
            "upside down": lambda x: np.asarray(x)[:, ::-1],
        }
        before = predict(films)
        wanted = {name: predict(change(films)) - before for name, change in changes.items()}
        got = _effects(f, predict, films.copy(), changes)
        if not all(np.allclose(got[name], wanted[name], rtol=1e-6, atol=1e-9) for name in changes):
            raise AssertionError(
                "an effect must be the score after the change minus the score before, with its sign, for every film by "
                "itself; each change starts from the original films, not from what the one before has left"
            )


def counterfactual_2(f, rng):
    """NaN where a change left the film as it was; 0, not NaN, where the film changed and the score did not."""
    weights = np.zeros((4, 4))
    weights[0] = rng.uniform(0.5, 1, 4)  # the network sees the first row only

    def predict(images):
        return (np.asarray(images) / 255.0 * weights).sum(axis=(1, 2))

    films = rng.integers(20, 200, (6, 4, 4)).astype(np.uint8)
    chosen = np.array([True, False, True, True, False, False])[:, None, None]

    def first_row(images):
        out = np.array(images)
        out[:, 0] = np.where(chosen[:, 0], out[:, 0] + 10, out[:, 0])
        return out

    def last_row(images):
        out = np.array(images)
        out[:, -1] = np.where(chosen[:, 0], out[:, -1] + 10, out[:, -1])
        return out

    got = _effects(f, predict, films.copy(), {"first row": first_row, "last row": last_row})
    touched = chosen[:, 0, 0]
    for values in got.values():
        if not np.isnan(values[~touched]).all():
            raise AssertionError(
                "a film that a change left as it was took no part in the experiment: NaN, not a number"
            )
    if not np.allclose(got["last row"][touched], 0):
        raise AssertionError(
            "a film that changed without any effect has an effect of 0: compare the films, not the scores"
        )
    if not (got["first row"][touched] > 1e-6).all():
        raise AssertionError("where film and score changed, the effect is their difference")


def counterfactual_3(f, rng):
    """The films stay as they were, and the effects are right, even where a change writes into what it is given."""
    predict, films = _network(rng, (5, 5)), rng.integers(20, 200, (4, 5, 5)).astype(np.uint8)

    def in_place(images):
        images[:, 1:3, 1:3] = 255
        return images

    kept = films.copy()
    got = _effects(f, predict, films, {"in place": in_place, "again": in_place})
    if not np.array_equal(films, kept):
        raise AssertionError("the films must stay as they were: hand a copy to each change")
    wanted = predict(in_place(kept.copy())) - predict(kept)
    if not all(np.allclose(values, wanted, rtol=1e-6, atol=1e-9) for values in got.values()):
        raise AssertionError("a change that writes into its argument must not spoil the films that it is compared with")
