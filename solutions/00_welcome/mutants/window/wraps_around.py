"""Subtracts in the film's own whole numbers of 8 bits: below the window, black becomes white.

loses: window-2
told: it wraps around
"""
import numpy as np


def window(film, centre, width):
    lowest = film.dtype.type(centre - width / 2)
    return np.clip((film - lowest) / width, 0, 1)
