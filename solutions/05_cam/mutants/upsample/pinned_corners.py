"""scipy's zoom as it comes: the outer cells are pinned to the corners.

loses: upsample-1, upsample-2
told: pinned to the corners
"""
def upsample(maps, size):
    from scipy import ndimage

    return ndimage.zoom(maps, (1, size[0] / maps.shape[1], size[1] / maps.shape[2]), order=1)
