"""Evidence against the class counts as found.

loses: overlap-1, overlap-2
told: do not take magnitudes
"""
def overlap(maps, masks, threshold):
    region = np.abs(maps) >= threshold
    both = (region & masks).sum(axis=(1, 2))
    either = (region | masks).sum(axis=(1, 2))
    return np.where(masks.any(axis=(1, 2)), both / np.maximum(either, 1), np.nan)
