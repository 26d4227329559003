"""Strictly greater: a tie is a defeat.

loses: rank_auroc-2
told: counts half
"""
def rank_auroc(labels, scores):
    return float(np.mean(scores[labels == 1][:, None] > scores[labels == 0]))
