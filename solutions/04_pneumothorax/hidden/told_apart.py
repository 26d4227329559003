"""Hidden checks of told_apart: one function for each cell."""

import numpy as np


def _hospital(rng, patients, films, features=80, shift=0.0):
    """Films of a patient are nearly alike; so is whoever remembers patients."""
    faces = rng.normal(size=(patients, features)) + shift
    return np.repeat(faces, films, axis=0) + rng.normal(0, 0.05, (patients * films, features)), np.repeat(
        np.arange(patients), films
    )


def told_apart_1(f, rng):
    """Sets that were drawn alike: 0.5 within 0.15 in the mean of four, whatever their sizes."""
    areas = []
    for _ in range(4):
        (first, who), (second, others) = _hospital(rng, 120, 2), _hospital(rng, 40, 2)
        areas.append(float(np.asarray(f(first, second, who, others, int(rng.integers(100))), float)))
    if not abs(np.mean(areas) - 0.5) < 0.15:
        raise AssertionError(
            "sets that were drawn alike must come out near 0.5: score a film only by folds without its patient, and return the "
            "area, which does not depend on the sizes of the sets"
        )


def told_apart_2(f, rng):
    """Sets that differ: above 0.8, and upside down when the two are exchanged is upside up again."""
    (first, who), (second, others) = _hospital(rng, 60, 2), _hospital(rng, 60, 2, shift=0.5)
    for one, two in (((first, who), (second, others)), ((second, others), (first, who))):
        area = float(np.asarray(f(one[0], two[0], one[1], two[1], int(rng.integers(100))), float))
        if not area > 0.8:
            raise AssertionError("sets that differ in every feature must be told apart, whichever of them comes first")
