"""Every bin counts the same, a bin with three films as much as one with three hundred.

loses: calibration_error-1
told: weight each bin
"""
def calibration_error(labels, probabilities, bins=10):
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for b in range(bins):
        inside = index == b
        if inside.any():
            gap = abs(labels[inside].mean() - probabilities[inside].mean())
            error += gap / len(np.unique(index))
    return float(error)
