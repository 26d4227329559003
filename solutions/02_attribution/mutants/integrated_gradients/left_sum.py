"""Points at the beginning of each step, as iNNvestigate has it: on a bias-free network (n-1)/n of what is owed.

loses: integrated_gradients-1
told: beginning of each step
"""
def integrated_gradients(gradient_of, film, baseline, steps):
    begins = np.arange(steps) / steps
    return (film - baseline) * np.mean([gradient_of(baseline + a * (film - baseline)) for a in begins], axis=0)
