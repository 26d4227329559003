"""Divides by the map's own largest value: the limit does nothing, and no two films can be compared.

loses: overlay-1, overlay-2
told: with a limit of 4 instead of 2
"""
def overlay(film, cam, limit, hot, cold):
    grey = np.repeat(film[..., None] / 255, 3, axis=-1)
    share = (np.abs(cam) / np.abs(cam).max())[..., None]
    return (1 - share) * grey + share * np.where(cam[..., None] > 0, hot, cold)
