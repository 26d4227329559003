"""Sensitivity across, 1 - specificity up.

loses: roc_by_hand-1, roc_by_hand-2
told: axes are swapped
"""
def roc_by_hand(labels, probabilities):
    if labels.min() == labels.max():
        raise ValueError("one class only")
    scores = probabilities[:, 1]
    thresholds = np.concatenate([[np.inf], np.unique(scores)[::-1]])
    tpr = np.array([np.mean(scores[labels == 1] >= t) for t in thresholds])
    fpr = np.array([np.mean(scores[labels == 0] >= t) for t in thresholds])
    return tpr, fpr, float(np.trapz(fpr, tpr))
