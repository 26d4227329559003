"""Films without a mask count as misses: the rate falls with every healthy film.

loses: pointing_game-2
told: has an empty mask
"""
def pointing_game(maps, masks, tolerance):
    from scipy import ndimage

    results = np.full(len(maps), 0.0)
    for k in range(len(maps)):
        if masks[k].any():
            one, near = maps[k], ndimage.distance_transform_edt(~masks[k]) <= tolerance
            top = one.max()
            results[k] = top > 0 and near[one == top].all()
    return results
