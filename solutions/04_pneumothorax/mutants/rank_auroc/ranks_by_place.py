"""Ranks by argsort of argsort: equal scores get different ranks by their place in the list.

loses: rank_auroc-2
told: share the mean of their ranks
"""
def rank_auroc(labels, scores):
    ranks = np.argsort(np.argsort(scores, kind="stable")) + 1
    n = labels.sum()
    return float((ranks[labels == 1].sum() - n * (n + 1) / 2) / (n * (len(labels) - n)))
