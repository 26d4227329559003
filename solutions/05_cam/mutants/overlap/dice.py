"""The Dice index: it is larger than the intersection over union, always.

loses: overlap-1
told: this is the Dice index
"""
def overlap(maps, masks, threshold):
    region = maps >= threshold
    both = 2 * (region & masks).sum(axis=(1, 2))
    either = region.sum(axis=(1, 2)) + masks.sum(axis=(1, 2))
    return np.where(masks.any(axis=(1, 2)), both / np.maximum(either, 1), np.nan)
