"""Films without the cue get 0, so every mean is pulled down and the network looks innocent.

loses: cue_score-3
told: film 1 carries no cue
"""
def cue_score(maps, masks):
    size = np.abs(maps.sum(axis=-1))
    whole = size.sum(axis=(1, 2))
    inside = (size * masks).sum(axis=(1, 2))
    mass = np.divide(inside, whole, out=np.zeros(len(maps)), where=whole > 0)
    area = masks.mean(axis=(1, 2))
    area = np.where(area > 0, area, 1)
    return mass, mass / area
