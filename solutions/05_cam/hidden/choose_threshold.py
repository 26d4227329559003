"""Hidden checks of choose_threshold: one function for each graded cell."""

import numpy as np


def _score(maps, masks, threshold):
    """Highest where the threshold is the number in a map's corner; NaN for an empty mask."""
    near = 1 / (1 + np.abs(np.asarray(maps)[:, 0, 0] - threshold))
    return np.where(np.asarray(masks).any(axis=(1, 2)), near, np.nan)


def _set(rng, centre, n=9):
    """Maps around a number; the last two films have no mask, and numbers far off."""
    maps = np.zeros((n, 2, 2))
    maps[:, 0, 0] = centre + rng.uniform(-0.2, 0.2, n)
    maps[-2:, 0, 0] = 90
    masks = np.ones((n, 2, 2), bool)
    masks[-2:] = False
    return maps, masks


def choose_threshold_1(f, rng):
    """The threshold is the candidate that is best on validation: it moves with these films, never with test."""
    candidates = [0.0, 2.0, 4.0, 6.0, 8.0]
    for wanted in (2.0, 6.0):
        validation = _set(rng, wanted)
        for other in (0.0, 4.0, 8.0):
            threshold = float(np.asarray(f(_score, validation, _set(rng, other), list(candidates))[0]))
            if not np.isclose(threshold, wanted):
                raise AssertionError(
                    "the threshold must be the candidate with the largest mean overlap on the validation films that have "
                    "a mask, whatever the test films are"
                )
    tied = float(np.asarray(f(lambda a, b, t: np.ones(len(a)), _set(rng, 1.0), _set(rng, 1.0), [3.0, 1.0, 2.0])[0]))
    if tied != 3.0:
        raise AssertionError("of candidates that are equally good the first must be taken")


def choose_threshold_2(f, rng):
    """Reported is the mean overlap of the test films that have a mask, at that threshold (1e-6)."""
    for centre, n in ((5.0, 9), (1.0, 4)):
        validation, test = _set(rng, 4.0), _set(rng, centre, n)
        got = float(np.asarray(f(_score, validation, test, [2.0, 4.0, 6.0])[1]))
        if not np.isclose(got, np.nanmean(_score(*test, 4.0)), atol=1e-6):
            raise AssertionError(
                "the number reported must be the mean over test films, without those that have no mask"
            )
