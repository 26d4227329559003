"""Each region takes all of its pixels: where drain and air overlap the logit is given away twice.

loses: logit_parts-1, logit_parts-2
told: is counted twice
"""
def logit_parts(maps, regions):
    free, parts = np.ones(maps.shape, bool), {}
    for name, mask in regions.items():
        mine = mask
        parts[name] = (maps * mine).sum(axis=(1, 2)) / maps[0].size
        free = free & ~mask
    parts["elsewhere"] = (maps * free).sum(axis=(1, 2)) / maps[0].size
    return parts
