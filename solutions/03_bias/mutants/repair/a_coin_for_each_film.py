"""A coin for each film, the class not looked at: with few films the halves differ.

loses: repair-1
told: A coin toss for each film
"""
def repair(films, masks, labels, paste, erase, seed):
    place = np.broadcast_to(masks.any(axis=0), films.shape)
    clean = erase(films, place)
    chosen = np.random.default_rng(seed).uniform(size=len(films)) < 0.5
    return np.where(chosen[:, None, None], paste(clean), clean)
