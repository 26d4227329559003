"""Divides by the mask alone: a map that is hot everywhere is perfect.

loses: overlap-1
told: the share of the mask that was found
"""
def overlap(maps, masks, threshold):
    region = maps >= threshold
    both = (region & masks).sum(axis=(1, 2))
    either = masks.sum(axis=(1, 2))
    return np.where(masks.any(axis=(1, 2)), both / np.maximum(either, 1), np.nan)
