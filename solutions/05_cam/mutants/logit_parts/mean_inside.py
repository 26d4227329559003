"""The mean inside each region: how strong it is, not how much of the logit it gives.

loses: logit_parts-1, logit_parts-2
told: this is the mean inside the region
"""
def logit_parts(maps, regions):
    free, parts = np.ones(maps.shape, bool), {}
    for name, mask in regions.items():
        mine = free & mask
        parts[name] = (maps * mine).sum(axis=(1, 2)) / np.maximum(mine.sum(axis=(1, 2)), 1)
        free = free & ~mask
    parts["elsewhere"] = (maps * free).sum(axis=(1, 2)) / maps[0].size
    return parts
