"""A curve over thresholds from 0 to 1: right for probabilities, wrong for any other score.

loses: rank_auroc-1, rank_auroc-2, rank_auroc-3
told: in 5 of the 6 pairs
"""
def rank_auroc(labels, scores):
    thresholds = np.linspace(1.001, -0.001, 2001)
    tpr, fpr = (np.array([np.mean(scores[labels == c] >= t) for t in thresholds]) for c in (1, 0))
    return float(np.trapz(tpr, fpr))
