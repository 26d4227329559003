"""Hidden checks of ward_point: one function for each graded cell."""

import numpy as np


def _films(rng, count=160, share=0.4):
    labels = rng.permutation(np.arange(count) < share * count).astype(int)
    return labels, np.round(rng.normal(1.5 * labels, 1.0), 1)  # rounding makes ties


def shares(labels, scores, threshold):
    called = scores >= threshold
    return called[labels == 1].mean(), called[labels == 0].mean()


def alarms_at(labels, scores, threshold, prevalence, films):
    found, false = shares(labels, scores, threshold)
    return films * (prevalence * found + (1 - prevalence) * false)


def answer_of(f, *arguments):
    got = f(*(np.array(a) if isinstance(a, np.ndarray) else a for a in arguments))
    if got is None:
        return None
    if not isinstance(got, tuple | list) or len(got) != 4:
        raise AssertionError("four numbers come back (threshold, sensitivity, alarms a day, predictive value), or None")
    return tuple(float(value) for value in got)


def ward_point_1(f, rng):
    """The highest sensitivity within the alarms, and of equals the fewest alarms."""
    # Between two groups of ill films lie healthy ones only: thresholds among these make needless alarms.
    order = rng.permutation(150)
    gap = np.repeat([1, 1, 0, 0, 0, 0], [30, 30, 10, 10, 10, 60])[order]
    apart = rng.normal() + np.repeat([3.0, 0.0, 3.0, 2.0, 1.0, 0.0], [30, 30, 10, 10, 10, 60])[order]
    wards = [(gap, apart, 0.1, 90, 25.0)]
    wards += [(*_films(rng), *ward) for ward in ((0.05, 60, 13.3), (0.02, 200, 21.7), (0.3, 40, 9.1))]
    for labels, scores, prevalence, films, most in wards:
        got = answer_of(f, labels, scores, prevalence, films, most, 0.01)
        if got is None:
            raise AssertionError(
                "a threshold within the alarms exists, and the floor is next to nothing: None is wrong here"
            )
        threshold = got[0]
        if alarms_at(labels, scores, threshold, prevalence, films) > most + 1e-6:
            raise AssertionError("at this threshold the ward gets more alarms than it can follow")
        found, false = shares(labels, scores, threshold)
        for other in np.unique(scores):
            if alarms_at(labels, scores, other, prevalence, films) > most:
                continue
            better, needless = shares(labels, scores, other)
            if better > found + 1e-9:
                raise AssertionError("another threshold finds more and stays within the alarms")
            if better > found - 1e-9 and needless < false - 1e-9:
                raise AssertionError("another threshold finds as many with fewer alarms")


def ward_point_2(f, rng):
    """Sensitivity, alarms and predictive value at that threshold, at the ward's prevalence."""
    for prevalence, films in ((0.04, 80), (0.25, 30)):
        labels, scores = _films(rng)
        got = answer_of(f, labels, scores, prevalence, films, 1e6, 0.0)
        if got is None:
            raise AssertionError("without a limit on alarms there is always a threshold")
        threshold, sensitivity, alarms, value = got
        found, _ = shares(labels, scores, threshold)
        if not np.isclose(sensitivity, found):
            raise AssertionError("the sensitivity must be the share of ill films at or above the threshold")
        total = alarms_at(labels, scores, threshold, prevalence, films)
        if not np.isclose(alarms, total):
            raise AssertionError(
                "alarms are true and false ones together, with the ward's share of ill films and its films a day"
            )
        if not np.isclose(value, films * prevalence * found / total):
            raise AssertionError(
                "the predictive value is the share of true alarms in the ward, not among the films at hand"
            )


def ward_point_3(f, rng):
    """None exactly where the floor cannot be reached within the alarms."""
    for prevalence, films, most in ((0.05, 60, 7.7), (0.1, 100, 23.3)):
        labels, scores = _films(rng)
        within = [t for t in np.unique(scores) if alarms_at(labels, scores, t, prevalence, films) <= most]
        reachable = max(shares(labels, scores, t)[0] for t in within)
        if answer_of(f, labels, scores, prevalence, films, most, min(1.0, reachable + 0.01)) is not None:
            raise AssertionError(
                "the floor cannot be reached within the alarms: the answer must be None, not some threshold"
            )
        if answer_of(f, labels, scores, prevalence, films, most, reachable - 0.01) is None:
            raise AssertionError("the floor can be reached within the alarms: None is wrong")
