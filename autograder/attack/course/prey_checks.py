"""Visible checks of the attacked lab."""

import numpy as np


def centre(f):
    out = np.asarray(f(np.array([1.0, 2.0, 6.0])))
    if out.shape != (3,) or not np.allclose(out, [-2, -1, 3]):
        raise AssertionError("centre: by hand 1, 2, 6 become -2, -1, 3.")
    return "centre: the example is correct. Points depend on other values."


def longest_run(f):
    if f([True, True, False, True]) != 2:
        raise AssertionError("longest_run: by hand the longest run is 2.")
    return "longest_run: the example is correct. Points depend on other flags."
