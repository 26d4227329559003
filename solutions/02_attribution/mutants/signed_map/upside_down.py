"""One minus the map, as when a heat map came out blue where it should be red.

loses: signed_map-1, signed_map-2
told: must stay 0
"""
def signed_map(maps):
    summed = maps.sum(axis=-1)
    largest = np.abs(summed).max(axis=(1, 2), keepdims=True)
    return 1 - summed / np.where(largest > 0, largest, 1)
