"""The way begins at zero whatever the baseline is.

loses: integrated_gradients-1, integrated_gradients-2
told: begins at 0
"""
def integrated_gradients(gradient_of, film, baseline, steps):
    middles = (np.arange(steps) + 0.5) / steps
    return (film - baseline) * np.mean([gradient_of(a * film) for a in middles], axis=0)
