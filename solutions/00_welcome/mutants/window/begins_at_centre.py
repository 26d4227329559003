"""Takes the centre for the lower end.

loses: window-1, window-2
told: begins at its centre
"""
import numpy as np


def window(film, centre, width):
    return np.clip((np.asarray(film, dtype=float) - centre) / width, 0, 1)
