"""A constant in the denominator guards against zero and dims films with small numbers.

loses: signed_map-1, signed_map-2
told: by it alone
"""
def signed_map(maps):
    summed = maps.sum(axis=-1)
    return summed / (np.abs(summed).max(axis=(1, 2), keepdims=True) + 1e-3)
