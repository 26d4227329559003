"""The threshold as a share of each map's own maximum: a map without evidence gets a region too.

loses: overlap-1, overlap-2
told: not a share of each film's maximum
"""
def overlap(maps, masks, threshold):
    region = maps >= threshold / 3.0 * maps.max(axis=(1, 2), keepdims=True)
    both = (region & masks).sum(axis=(1, 2))
    either = (region | masks).sum(axis=(1, 2))
    return np.where(masks.any(axis=(1, 2)), both / np.maximum(either, 1), np.nan)
