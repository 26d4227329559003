"""A film without a mask has overlap 0: healthy films drag the mean down.

loses: overlap-2
told: has an empty mask
"""
def overlap(maps, masks, threshold):
    region = maps >= threshold
    both = (region & masks).sum(axis=(1, 2))
    either = (region | masks).sum(axis=(1, 2))
    return both / np.maximum(either, 1)
