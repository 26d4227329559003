"""The usual 0.5 for the whole picture: a grey veil, also where there is no evidence.

loses: overlay-1, overlay-2
told: No evidence, no colour
"""
def overlay(film, cam, limit, hot, cold):
    grey = np.repeat(film[..., None] / 255, 3, axis=-1)
    share = np.clip(cam / limit, -1, 1)[..., None]
    colour = np.where(share > 0, share * np.array(hot), -share * np.array(cold))
    return 0.5 * grey + 0.5 * colour
