"""A plain sum below the line: evidence for and against cancels.

loses: cue_score-1, cue_score-2
told: signs must not cancel
"""
def cue_score(maps, masks):
    size = maps.sum(axis=-1)
    whole = size.sum(axis=(1, 2))
    inside = np.abs((size * masks).sum(axis=(1, 2)))
    mass = np.divide(inside, np.abs(whole), out=np.zeros(len(maps)), where=whole != 0)
    area = masks.mean(axis=(1, 2))
    carries = masks.any(axis=(1, 2))
    mass[~carries] = np.nan
    area = np.where(carries, area, np.nan)
    return mass, mass / area
