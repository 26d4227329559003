"""The channel axis is found as the first axis of length 3: a batch of three films is added up over its films.

loses: signed_map-1
told: The channels are the last axis
"""
def signed_map(maps):
    summed = maps.sum(axis=np.argmax(np.asarray(maps.shape) == 3))
    largest = np.abs(summed).max(axis=(1, 2), keepdims=True)
    return summed / np.where(largest > 0, largest, 1)
