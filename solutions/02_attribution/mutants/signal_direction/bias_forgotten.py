"""Fires when w . x is above 0, whatever the bias.

loses: signal_direction-2, signal_direction-3
told: The unit fires when
"""
def signal_direction(inputs, weights, bias):
    y = inputs @ weights
    fires = y > 0
    x, out = inputs[fires], y[fires]
    together = (x * out[:, None]).mean(0) - x.mean(0) * out.mean()
    return together / (weights @ together)
