"""The tolerance is never used.

loses: pointing_game-3
told: which is 2 pixels off, is a hit
"""
def pointing_game(maps, masks, tolerance):
    from scipy import ndimage

    results = np.full(len(maps), np.nan)
    for k in range(len(maps)):
        if masks[k].any():
            one, near = maps[k], masks[k]
            top = one.max()
            results[k] = top > 0 and near[one == top].all()
    return results
