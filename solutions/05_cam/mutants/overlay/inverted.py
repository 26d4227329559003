"""Film and map are both inverted, as in the original lesson: its hot colour marks the least important pixels.

loses: overlay-1, overlay-2
told: the film is inverted
"""
def overlay(film, cam, limit, hot, cold):
    grey = np.repeat(1 - film[..., None] / 255, 3, axis=-1)
    share = np.clip(np.abs(cam) / limit, 0, 1)[..., None]
    colour = np.where(cam[..., None] < 0, hot, cold)
    return (1 - share) * grey + share * colour
