"""The gradient at the film times the difference: no way at all.

loses: integrated_gradients-1, integrated_gradients-2
told: the gradient at the film only
"""
def integrated_gradients(gradient_of, film, baseline, steps):
    return (film - baseline) * gradient_of(film)
