"""Areas instead of widths.

loses: heart_share-1, heart_share-2
told: this is area by area
"""
def heart_share(heart, lungs):
    return float(heart.sum() / lungs.sum())
