"""The methods only: a lift of 2 then looks like a success.

loses: score_methods-2
told: is missing
"""
def score_methods(maps, films, masks, seed=0):
    lifts = {}
    for name, values in maps.items():
        size = np.abs(values.astype(float))
        total = size.sum(axis=(1, 2))
        share = (size * masks).sum(axis=(1, 2)) / np.where(total > 0, total, 1)
        lifts[name] = share / masks.mean(axis=(1, 2))
    return lifts
