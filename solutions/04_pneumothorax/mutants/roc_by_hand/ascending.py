"""Sorted from the lowest score up: the healthy come first and the curve hangs below the diagonal.

loses: roc_by_hand-1, roc_by_hand-2
told: Start with the *highest* score
"""
def roc_by_hand(labels, probabilities):
    if labels.min() == labels.max():
        raise ValueError("one class only")
    scores = probabilities[:, 1]
    thresholds = np.concatenate([[-np.inf], np.unique(scores)])
    tpr = np.array([np.mean(scores[labels == 1] <= t) for t in thresholds])
    fpr = np.array([np.mean(scores[labels == 0] <= t) for t in thresholds])
    return fpr, tpr, float(np.trapz(tpr, fpr))
