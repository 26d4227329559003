"""The map upside down: a minus lost somewhere.

loses: overlay-1, overlay-2
told: Hot is for the maximum
"""
def overlay(film, cam, limit, hot, cold):
    grey = np.repeat(film[..., None] / 255, 3, axis=-1)
    share = np.clip(np.abs(cam) / limit, 0, 1)[..., None]
    return (1 - share) * grey + share * np.where(cam[..., None] < 0, hot, cold)
