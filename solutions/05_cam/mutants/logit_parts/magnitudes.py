"""Takes magnitudes: what speaks against the class is added to what speaks for it.

loses: logit_parts-1, logit_parts-2
told: Keep the signs
"""
def logit_parts(maps, regions):
    free, parts = np.ones(maps.shape, bool), {}
    for name, mask in regions.items():
        mine = free & mask
        parts[name] = (np.abs(maps) * mine).sum(axis=(1, 2)) / maps[0].size
        free = free & ~mask
    parts["elsewhere"] = (maps * free).sum(axis=(1, 2)) / maps[0].size
    return parts
