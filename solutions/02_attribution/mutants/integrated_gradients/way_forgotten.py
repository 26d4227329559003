"""The mean gradient on the way, without the way itself: (film - baseline) is missing.

loses: integrated_gradients-1, integrated_gradients-2
told: multiplied by (film - baseline)
"""
def integrated_gradients(gradient_of, film, baseline, steps):
    middles = (np.arange(steps) + 0.5) / steps
    return np.mean([gradient_of(baseline + a * (film - baseline)) for a in middles], axis=0)
