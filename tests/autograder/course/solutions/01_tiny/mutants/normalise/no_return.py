"""The `return` is missing.

loses: normalise-1, normalise-2
told: Is the `return` missing?
"""
def normalise(film):
    film = (film - film.min()) / (film.max() - film.min())
