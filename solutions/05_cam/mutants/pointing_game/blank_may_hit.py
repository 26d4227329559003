"""Nothing above zero, and still a maximum: the least negative pixel points.

loses: pointing_game-2
told: have nothing above zero
"""
def pointing_game(maps, masks, tolerance):
    from scipy import ndimage

    results = np.full(len(maps), np.nan)
    for k in range(len(maps)):
        if masks[k].any():
            one, near = maps[k], ndimage.distance_transform_edt(~masks[k]) <= tolerance
            top = one.max()
            results[k] = near[one == top].all()
    return results
