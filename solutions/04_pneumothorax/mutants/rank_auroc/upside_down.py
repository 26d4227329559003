"""Ranked from the highest score down: the share that the healthy film wins.

loses: rank_auroc-1, rank_auroc-2
told: the order is reversed
"""
def rank_auroc(labels, scores):
    from scipy.stats import rankdata
    n = labels.sum()
    return float((rankdata(-scores)[labels == 1].sum() - n * (n + 1) / 2) / (n * (len(labels) - n)))
