"""Changes nothing.

loses: centre-1, centre-2
told: by hand 1, 2, 6 become
"""
def centre(values):
    return values
