"""The mean of the output over all inputs, as the formula in the paper can be read: a distractor with a mean leaks in.

loses: signal_direction-1
told: it leaked in
"""
def signal_direction(inputs, weights, bias):
    y = inputs @ weights
    fires = y + bias > 0
    if not fires.any():
        return np.zeros(len(weights))
    x = inputs[fires]
    together = (x * y[fires, None]).mean(0) - x.mean(0) * y.mean()
    return together / (weights @ together)
