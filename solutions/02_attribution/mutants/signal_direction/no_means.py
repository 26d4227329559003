"""The mean of input times output without taking the means off.

loses: signal_direction-1
told: it leaked in
"""
def signal_direction(inputs, weights, bias):
    y = inputs @ weights
    fires = y + bias > 0
    if not fires.any():
        return np.zeros(len(weights))
    together = (inputs[fires] * y[fires, None]).mean(0)
    return together / (weights @ together)
