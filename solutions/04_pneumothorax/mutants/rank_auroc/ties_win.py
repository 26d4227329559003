"""Greater or equal: a tie is a win, and a constant score is perfect.

loses: rank_auroc-2
told: counts half
"""
def rank_auroc(labels, scores):
    return float(np.mean(scores[labels == 1][:, None] >= scores[labels == 0]))
