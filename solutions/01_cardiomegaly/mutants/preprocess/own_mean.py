"""Standardised with the batch's own mean and spread: a film then depends on its neighbours.

loses: preprocess-1, preprocess-2
told: Do not divide
"""
def preprocess(films):
    films = np.asarray(films, dtype=np.float32)
    return np.repeat(((films - films.mean()) / (films.std() + 1e-6))[..., None], 3, axis=-1)
