"""Grows the mask by a square: the corners are further off than the tolerance.

loses: pointing_game-3
told: 2 down and 2 across is 2.83
"""
def pointing_game(maps, masks, tolerance):
    from scipy import ndimage

    results = np.full(len(maps), np.nan)
    for k in range(len(maps)):
        if masks[k].any():
            one, near = maps[k], ndimage.maximum_filter(masks[k], 2 * int(tolerance) + 1)
            top = one.max()
            results[k] = top > 0 and near[one == top].all()
    return results
