"""Takes magnitudes channel by channel: colours that cancel at one pixel count twice.

loses: cue_score-1, cue_score-2
told: add up the channels first
"""
def cue_score(maps, masks):
    size = np.abs(maps).sum(axis=-1)
    whole = size.sum(axis=(1, 2))
    inside = (size * masks).sum(axis=(1, 2))
    mass = np.divide(inside, whole, out=np.zeros(len(maps)), where=whole > 0)
    area = masks.mean(axis=(1, 2))
    carries = masks.any(axis=(1, 2))
    mass[~carries] = np.nan
    area = np.where(carries, area, np.nan)
    return mass, mass / area
