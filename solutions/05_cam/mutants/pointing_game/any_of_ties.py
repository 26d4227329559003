"""One of several maxima inside is enough: a map that is the same everywhere always hits.

loses: pointing_game-2
told: an ambiguous map is a miss
"""
def pointing_game(maps, masks, tolerance):
    from scipy import ndimage

    results = np.full(len(maps), np.nan)
    for k in range(len(maps)):
        if masks[k].any():
            one, near = maps[k], ndimage.distance_transform_edt(~masks[k]) <= tolerance
            top = one.max()
            results[k] = top > 0 and near[one == top].any()
    return results
