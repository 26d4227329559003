"""Forgets what lies outside the window: greys below 0 and above 1.

loses: window-2
told: Pixels below the window become black
"""
import numpy as np


def window(film, centre, width):
    return (np.asarray(film, dtype=float) - (centre - width / 2)) / width
