"""Probability 1.0 gets the number of a bin that does not exist, and is lost.

loses: calibration_error-1, calibration_error-2
told: was lost
"""
def calibration_error(labels, probabilities, bins=10):
    index = np.floor(probabilities * bins)
    error = 0.0
    for b in range(bins):
        inside = index == b
        if inside.any():
            gap = abs(labels[inside].mean() - probabilities[inside].mean())
            error += inside.mean() * gap
    return float(error)
