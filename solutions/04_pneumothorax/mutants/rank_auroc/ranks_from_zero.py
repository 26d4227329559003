"""Ranks that begin at 0 with the formula for ranks that begin at 1.

loses: rank_auroc-1, rank_auroc-2, rank_auroc-3
told: has rank 1, not 0
"""
def rank_auroc(labels, scores):
    from scipy.stats import rankdata
    n = labels.sum()
    return float((rankdata(scores)[labels == 1].sum() - n - n * (n + 1) / 2) / (n * (len(labels) - n)))
