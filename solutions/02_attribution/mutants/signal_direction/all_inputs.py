"""The linear estimator: a ReLU's silent inputs take part.

loses: signal_direction-2, signal_direction-3
told: count only inputs that make it fire
"""
def signal_direction(inputs, weights, bias):
    y = inputs @ weights
    together = (inputs * y[:, None]).mean(0) - inputs.mean(0) * y.mean()
    return together / (weights @ together)
