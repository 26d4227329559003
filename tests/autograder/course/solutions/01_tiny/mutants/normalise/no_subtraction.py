"""Divides by the largest value only: the lowest never becomes 0.

loses: normalise-1, normalise-2
told: Did you divide without subtracting first?
"""
def normalise(film):
    return film / film.max()
