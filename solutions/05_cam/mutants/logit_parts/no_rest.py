"""What lies in no region is forgotten, although it may be most of the logit.

loses: logit_parts-1, logit_parts-2
told: elsewhere
"""
def logit_parts(maps, regions):
    free, parts = np.ones(maps.shape, bool), {}
    for name, mask in regions.items():
        mine = free & mask
        parts[name] = (maps * mine).sum(axis=(1, 2)) / maps[0].size
        free = free & ~mask
    return parts
