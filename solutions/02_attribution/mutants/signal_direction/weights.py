"""The weights, scaled so that their product with themselves is 1: a filter, not a signal.

loses: signal_direction-1, signal_direction-2, signal_direction-3
told: direction of the weights
"""
def signal_direction(inputs, weights, bias):
    return weights / (weights @ weights)
