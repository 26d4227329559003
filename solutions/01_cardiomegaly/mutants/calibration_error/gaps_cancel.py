"""The gaps keep their sign, so promising too much here pays for promising too little there.

loses: calibration_error-1, calibration_error-2
told: must not cancel
"""
def calibration_error(labels, probabilities, bins=10):
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for b in range(bins):
        inside = index == b
        if inside.any():
            gap = labels[inside].mean() - probabilities[inside].mean()
            error += inside.mean() * gap
    return abs(float(error))
