"""Gives the mean at once: no interval over patients can be made of it.

loses: pointing_game-1, pointing_game-2, pointing_game-3
told: one result for each of 6 films
"""
def pointing_game(maps, masks, tolerance):
    from scipy import ndimage

    results = np.full(len(maps), np.nan)
    for k in range(len(maps)):
        if masks[k].any():
            one, near = maps[k], ndimage.distance_transform_edt(~masks[k]) <= tolerance
            top = one.max()
            results[k] = top > 0 and near[one == top].all()
    return np.nanmean(results)
