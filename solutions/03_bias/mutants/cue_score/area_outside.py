"""Compares with what lies outside instead of with the whole film.

loses: cue_score-2
told: compare with the area of the whole film
"""
def cue_score(maps, masks):
    size = np.abs(maps.sum(axis=-1))
    whole = size.sum(axis=(1, 2))
    inside = (size * masks).sum(axis=(1, 2))
    mass = np.divide(inside, whole, out=np.zeros(len(maps)), where=whole > 0)
    area = masks.mean(axis=(1, 2))
    carries = masks.any(axis=(1, 2))
    mass[~carries] = np.nan
    lift = (inside / masks.sum(axis=(1, 2)).clip(1)) / ((whole - inside).clip(1e-12) / (~masks).sum(axis=(1, 2)))
    lift[~carries] = np.nan
    lift[whole == 0] = np.where(carries[whole == 0], 0, np.nan)
    return mass, lift
