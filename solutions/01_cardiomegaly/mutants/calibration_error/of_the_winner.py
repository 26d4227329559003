"""Accuracy against the winner's probability: another quantity, which hides the direction of the error.

loses: calibration_error-1
told: the positive class
"""
def calibration_error(labels, probabilities, bins=10):
    labels = (labels == (probabilities >= 0.5)).astype(float)
    probabilities = np.maximum(probabilities, 1 - probabilities)
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for b in range(bins):
        inside = index == b
        if inside.any():
            gap = abs(labels[inside].mean() - probabilities[inside].mean())
            error += inside.mean() * gap
    return float(error)
