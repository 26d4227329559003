"""Also divides by the standard deviation.

loses: centre-1, centre-2
told: by hand 1, 2, 6 become
"""
def centre(values):
    return (values - values.mean()) / values.std()
