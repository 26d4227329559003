"""How far apart the two groups are on average, squeezed to 0-1: no ranking, and it depends on the scale.

loses: rank_auroc-1, rank_auroc-2, rank_auroc-3
told: in 5 of the 6 pairs
"""
def rank_auroc(labels, scores):
    gap = scores[labels == 1].mean() - scores[labels == 0].mean()
    return float(0.5 + gap / (2 * np.ptp(scores) + 1e-12))
