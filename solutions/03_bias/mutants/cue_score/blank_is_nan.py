"""Divides by the total of a map that may be blank.

loses: cue_score-3
told: film 2 has a cue and a blank map
"""
def cue_score(maps, masks):
    size = np.abs(maps.sum(axis=-1))
    whole = size.sum(axis=(1, 2))
    inside = (size * masks).sum(axis=(1, 2))
    mass = inside / whole
    area = masks.mean(axis=(1, 2))
    carries = masks.any(axis=(1, 2))
    mass[~carries] = np.nan
    area = np.where(carries, area, np.nan)
    return mass, mass / area
