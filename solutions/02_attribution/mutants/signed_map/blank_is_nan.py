"""Nothing guards a film without attribution: nothing over nothing.

loses: signed_map-2
told: 0 / 0
"""
def signed_map(maps):
    summed = maps.sum(axis=-1)
    return summed / np.abs(summed).max(axis=(1, 2), keepdims=True)
