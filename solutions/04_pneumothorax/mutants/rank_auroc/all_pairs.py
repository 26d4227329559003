"""Divided by all pairs of films instead of the pairs of one ill and one healthy film.

loses: rank_auroc-1, rank_auroc-2, rank_auroc-3
told: not by all 5 x 5
"""
def rank_auroc(labels, scores):
    ill, healthy = scores[labels == 1][:, None], scores[labels == 0]
    return float(np.sum((ill > healthy) + 0.5 * (ill == healthy)) / len(scores) ** 2)
