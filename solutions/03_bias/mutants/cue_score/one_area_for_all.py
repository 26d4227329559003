"""The mean area of all cues, as if every film had the same.

loses: cue_score-2
told: each film has its own mask
"""
def cue_score(maps, masks):
    size = np.abs(maps.sum(axis=-1))
    whole = size.sum(axis=(1, 2))
    inside = (size * masks).sum(axis=(1, 2))
    mass = np.divide(inside, whole, out=np.zeros(len(maps)), where=whole > 0)
    area = masks.mean()
    carries = masks.any(axis=(1, 2))
    mass[~carries] = np.nan
    area = np.where(carries, area, np.nan)
    return mass, mass / area
