"""Strictly above: a map of whole numbers loses the pixels at the threshold.

loses: overlap-1
told: a pixel at the threshold belongs
"""
def overlap(maps, masks, threshold):
    region = maps > threshold
    both = (region & masks).sum(axis=(1, 2))
    either = (region | masks).sum(axis=(1, 2))
    return np.where(masks.any(axis=(1, 2)), both / np.maximum(either, 1), np.nan)
