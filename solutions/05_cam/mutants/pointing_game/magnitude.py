"""Takes magnitudes first: the strongest evidence against the class points too.

loses: pointing_game-1, pointing_game-2
told: is a magnitude taken
"""
def pointing_game(maps, masks, tolerance):
    from scipy import ndimage

    results = np.full(len(maps), np.nan)
    for k in range(len(maps)):
        if masks[k].any():
            one, near = np.abs(maps[k]), ndimage.distance_transform_edt(~masks[k]) <= tolerance
            top = one.max()
            results[k] = top > 0 and near[one == top].all()
    return results
