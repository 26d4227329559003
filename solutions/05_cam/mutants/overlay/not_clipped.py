"""Nothing keeps the share at 1: beyond the limit colours turn into others.

loses: overlay-1
told: Clip the share at 1
"""
def overlay(film, cam, limit, hot, cold):
    grey = np.repeat(film[..., None] / 255, 3, axis=-1)
    share = (np.abs(cam) / limit)[..., None]
    return (1 - share) * grey + share * np.where(cam[..., None] > 0, hot, cold)
