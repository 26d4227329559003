"""Multiplied by the film, which is right for a black baseline only.

loses: integrated_gradients-1, integrated_gradients-2
told: gets nothing
"""
def integrated_gradients(gradient_of, film, baseline, steps):
    middles = (np.arange(steps) + 0.5) / steps
    return film * np.mean([gradient_of(baseline + a * (film - baseline)) for a in middles], axis=0)
