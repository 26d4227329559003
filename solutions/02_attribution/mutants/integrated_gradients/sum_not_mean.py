"""The gradients are added up and not divided by the number of steps.

loses: integrated_gradients-1, integrated_gradients-2
told: mean of the gradients, not their sum
"""
def integrated_gradients(gradient_of, film, baseline, steps):
    middles = (np.arange(steps) + 0.5) / steps
    return (film - baseline) * sum(gradient_of(baseline + a * (film - baseline)) for a in middles)
