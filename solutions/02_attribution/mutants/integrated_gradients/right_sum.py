"""Points at the end of each step.

loses: integrated_gradients-1
told: end of each step
"""
def integrated_gradients(gradient_of, film, baseline, steps):
    ends = (np.arange(steps) + 1) / steps
    return (film - baseline) * np.mean([gradient_of(baseline + a * (film - baseline)) for a in ends], axis=0)
