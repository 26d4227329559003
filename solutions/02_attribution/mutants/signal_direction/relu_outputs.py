"""All inputs, with the output after the ReLU: the silent ones count as zeros.

loses: signal_direction-2, signal_direction-3
told: count only inputs that make it fire
"""
def signal_direction(inputs, weights, bias):
    y = np.maximum(inputs @ weights + bias, 0)
    together = (inputs * y[:, None]).mean(0) - inputs.mean(0) * y.mean()
    return together / (weights @ together)
