"""The largest value of the whole batch: only one film can hit.

loses: pointing_game-1, pointing_game-2, pointing_game-3
told: which is 2 pixels off, is a hit
"""
def pointing_game(maps, masks, tolerance):
    from scipy import ndimage

    results = np.full(len(maps), np.nan)
    for k in range(len(maps)):
        if masks[k].any():
            one, near = maps[k], ndimage.distance_transform_edt(~masks[k]) <= tolerance
            top = maps.max()
            results[k] = top > 0 and (one == top).any() and near[one == top].all()
    return results
