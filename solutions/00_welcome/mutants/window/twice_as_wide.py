"""Takes the width for half the width.

loses: window-1, window-2
told: twice as wide as asked
"""
import numpy as np


def window(film, centre, width):
    film = np.asarray(film, dtype=float)
    return np.clip((film - (centre - width)) / (2 * width), 0, 1)
