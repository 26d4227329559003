"""linspace from 0 to 1 and a plain mean: both ends weigh twice what a trapezoid gives them.

loses: integrated_gradients-1
told: both ends
"""
def integrated_gradients(gradient_of, film, baseline, steps):
    points = np.linspace(0, 1, steps)
    return (film - baseline) * np.mean([gradient_of(baseline + a * (film - baseline)) for a in points], axis=0)
