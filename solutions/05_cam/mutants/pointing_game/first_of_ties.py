"""argmax gives the first of equal maxima, so the place in the array decides.

loses: pointing_game-2
told: returns only the first of them
"""
def pointing_game(maps, masks, tolerance):
    from scipy import ndimage

    results = np.full(len(maps), np.nan)
    for k in range(len(maps)):
        if masks[k].any():
            one, near = maps[k], ndimage.distance_transform_edt(~masks[k]) <= tolerance
            row, column = np.unravel_index(one.argmax(), one.shape)
            results[k] = one.max() > 0 and near[row, column]
    return results
