"""Thresholds 0, 0.1, ... 1, as in many tutorials: a polygon that cuts the corners.

loses: roc_by_hand-1, roc_by_hand-2
told: one for each distinct score
"""
def roc_by_hand(labels, probabilities):
    if labels.min() == labels.max():
        raise ValueError("one class only")
    scores = probabilities[:, 1]
    thresholds = np.append(np.inf, np.linspace(1, 0, 11))
    tpr = np.array([np.mean(scores[labels == 1] >= t) for t in thresholds])
    fpr = np.array([np.mean(scores[labels == 0] >= t) for t in thresholds])
    return fpr, tpr, float(np.trapz(tpr, fpr))
