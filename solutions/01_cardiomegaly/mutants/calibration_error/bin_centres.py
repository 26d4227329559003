"""The middle of the bin stands in for the probabilities inside it.

loses: calibration_error-1, calibration_error-2
told: not the bin's centre
"""
def calibration_error(labels, probabilities, bins=10):
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for b in range(bins):
        inside = index == b
        if inside.any():
            gap = abs(labels[inside].mean() - (b + 0.5) / bins)
            error += inside.mean() * gap
    return float(error)
