"""Sums, not parts of a mean: the logit is an average over places.

loses: logit_parts-1, logit_parts-2
told: this is the sum
"""
def logit_parts(maps, regions):
    free, parts = np.ones(maps.shape, bool), {}
    for name, mask in regions.items():
        mine = free & mask
        parts[name] = (maps * mine).sum(axis=(1, 2))
        free = free & ~mask
    parts["elsewhere"] = (maps * free).sum(axis=(1, 2))
    return parts
