"""Clips the map where it stands: drawn twice with two limits, it is another map.

loses: overlay-2
told: changed the film or the map
"""
def overlay(film, cam, limit, hot, cold):
    cam /= limit
    np.clip(cam, -1, 1, out=cam)
    grey = np.repeat(film[..., None] / 255, 3, axis=-1)
    share = np.abs(cam)[..., None]
    return (1 - share) * grey + share * np.where(cam[..., None] > 0, hot, cold)
