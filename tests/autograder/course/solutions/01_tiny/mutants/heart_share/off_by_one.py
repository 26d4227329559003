"""Last minus first, without the pixel at the end.

loses: heart_share-1, heart_share-2
told: by hand the heart is 2 wide
"""
def heart_share(heart, lungs):
    heart, lungs = (np.flatnonzero(mask.any(axis=0)) for mask in (heart, lungs))
    return float((heart[-1] - heart[0]) / (lungs[-1] - lungs[0]))
