"""The first film's heart for every film.

loses: score_methods-1, score_methods-2
told: Each film has its own mask
"""
def score_methods(maps, films, masks, seed=0):
    height, width = masks.shape[1:]
    rows, columns = np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    bell = np.exp(-((rows[:, None] / (height / 4)) ** 2 + (columns / (width / 4)) ** 2) / 2)
    everything = dict(maps)
    everything["centred Gaussian"] = np.broadcast_to(bell, masks.shape)
    everything["the film itself"] = films
    everything["random"] = np.random.default_rng(seed).uniform(size=masks.shape)
    lifts = {}
    for name, values in everything.items():
        size = np.abs(values.astype(float))
        total = size.sum(axis=(1, 2))
        share = (size * masks[0]).sum(axis=(1, 2)) / np.where(total > 0, total, 1)
        lifts[name] = share / masks[0].mean()
    return lifts
