"""Stretches each map from its smallest to its largest value: no evidence looks like evidence.

loses: overlay-1, overlay-2
told: No evidence, no colour
"""
def overlay(film, cam, limit, hot, cold):
    grey = np.repeat(film[..., None] / 255, 3, axis=-1)
    share = ((cam - cam.min()) / (cam.max() - cam.min()))[..., None]
    return 0.5 * grey + 0.5 * (share * np.array(hot) + (1 - share) * np.array(cold))
