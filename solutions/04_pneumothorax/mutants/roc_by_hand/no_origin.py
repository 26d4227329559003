"""The point at which nobody is called is missing, and with it a piece of the area.

loses: roc_by_hand-1, roc_by_hand-2, roc_by_hand-3
told: runs from (0, 0)
"""
def roc_by_hand(labels, probabilities):
    if labels.min() == labels.max():
        raise ValueError("one class only")
    scores = probabilities[:, 1]
    thresholds = np.unique(scores)[::-1]
    tpr = np.array([np.mean(scores[labels == 1] >= t) for t in thresholds])
    fpr = np.array([np.mean(scores[labels == 0] >= t) for t in thresholds])
    return fpr, tpr, float(np.trapz(tpr, fpr))
