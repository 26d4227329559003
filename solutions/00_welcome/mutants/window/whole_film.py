"""Stretches every film from its own minimum to its own maximum: the window is ignored, and films cannot be compared.

loses: window-1, window-2
told: whatever window was asked for
"""
import numpy as np


def window(film, centre, width):
    film = np.asarray(film, dtype=float)
    return (film - film.min()) / (film.max() - film.min())
