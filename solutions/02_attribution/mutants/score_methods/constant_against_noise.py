"""An epsilon in the denominator that was meant for maps of size 1: faint maps lose.

loses: score_methods-1, score_methods-3
told: is a lift of 2
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
        share = (size * masks).sum(axis=(1, 2)) / (total + 1e-2)
        lifts[name] = share / masks.mean(axis=(1, 2))
    return lifts
