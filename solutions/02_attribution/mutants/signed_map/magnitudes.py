"""Magnitudes instead of signed numbers: evidence against the class looks like evidence for it.

loses: signed_map-1
told: signs are gone
"""
def signed_map(maps):
    summed = np.abs(maps.sum(axis=-1))
    largest = summed.max(axis=(1, 2), keepdims=True)
    return summed / np.where(largest > 0, largest, 1)
