"""Stays in whole numbers from 0 to 255, as image files do.

loses: overlay-1, overlay-2
told: expected floats from 0 to 1
"""
def overlay(film, cam, limit, hot, cold):
    grey = np.repeat(film[..., None], 3, axis=-1).astype(float)
    share = np.clip(np.abs(cam) / limit, 0, 1)[..., None]
    colour = 255 * np.where(cam[..., None] > 0, hot, cold)
    return ((1 - share) * grey + share * colour).astype(np.uint8)
