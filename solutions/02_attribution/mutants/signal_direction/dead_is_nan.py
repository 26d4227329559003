"""A unit that never fires gives a mean of nothing, divided by nothing.

loses: signal_direction-3
told: The visible check passes
"""
def signal_direction(inputs, weights, bias):
    y = inputs @ weights
    fires = y + bias > 0
    x, out = inputs[fires], y[fires]
    together = (x * out[:, None]).mean(0) - x.mean(0) * out.mean()
    return together / (weights @ together)
