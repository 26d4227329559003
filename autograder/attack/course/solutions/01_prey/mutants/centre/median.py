"""Subtracts the median instead of the mean.

loses: centre-1
told: by hand 1, 2, 6 become
"""
def centre(values):
    return values - np.median(values)
