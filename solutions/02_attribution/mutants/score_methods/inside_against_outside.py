"""Mean inside over mean outside: another number, which has no upper end.

loses: score_methods-1, score_methods-2
told: Compare with the area of the whole film
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
        inside = (size * masks).sum(axis=(1, 2)) / masks.sum(axis=(1, 2))
        outside = (size * ~masks).sum(axis=(1, 2)) / (~masks).sum(axis=(1, 2))
        lifts[name] = inside / np.maximum(outside, 1e-12)
    return lifts
