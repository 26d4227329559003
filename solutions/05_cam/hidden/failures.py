"""Hidden checks of failures: one function for each graded cell."""

import numpy as np


def _rows(f, scores, hits, threshold, count):
    got = f(scores.copy(), hits.copy(), threshold, count)
    if not isinstance(got, dict) or set(got) != {"wrong place", "not called"}:
        raise AssertionError("both kinds of failure must be there, under their names")
    return [[int(row) for row in got[name]] for name in ("wrong place", "not called")]


def failures_1(f, rng):
    """Both kinds by the rule, films without a mask left out; at the threshold counts as called."""
    for threshold in (0.3, 0.6):
        scores = np.round(rng.permutation(40) / 40, 3)
        scores[0] = threshold
        hits = rng.choice([0.0, 1.0, np.nan], 40)
        hits[0] = 0.0
        place, silent = _rows(f, scores, hits, threshold, 100)
        called = scores >= threshold
        if set(place) != set(np.flatnonzero(called & (hits == 0))) or set(silent) != set(
            np.flatnonzero(~called & (hits == 1))
        ):
            raise AssertionError(
                "a failure is a called film whose map misses, or a film that is not called though its map hits; films "
                "without a mask are neither"
            )


def failures_2(f, rng):
    """The clearest first, and no more than were asked for."""
    scores, hits = rng.permutation(60) / 60, np.tile([0.0, 1.0], 30)
    for count in (3, 8):
        place, silent = _rows(f, scores, hits, 0.5, count)
        if len(place) != count or len(silent) != count:
            raise AssertionError("as many films of each kind must come back as were asked for")
        if np.any(np.diff(scores[place]) > 0) or scores[place[0]] != scores[hits == 0].max():
            raise AssertionError("of the called films the surest must come first")
        if np.any(np.diff(scores[silent]) < 0) or scores[silent[0]] != scores[hits == 1].min():
            raise AssertionError("of the films that were not called the lowest score must come first")
