"""The mean of the inputs over all of them: not a covariance of anything.

loses: signal_direction-2
told: count only inputs that make it fire
"""
def signal_direction(inputs, weights, bias):
    y = inputs @ weights
    fires = y + bias > 0
    if not fires.any():
        return np.zeros(len(weights))
    together = (inputs[fires] * y[fires, None]).mean(0) - inputs.mean(0) * y[fires].mean()
    return together / (weights @ together)
