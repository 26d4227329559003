"""Column 0 as the score of class 1: one minus the area.

loses: roc_by_hand-1, roc_by_hand-2
told: probability of class 1
"""
def roc_by_hand(labels, probabilities):
    if labels.min() == labels.max():
        raise ValueError("one class only")
    scores = probabilities[:, 0]
    thresholds = np.concatenate([[np.inf], np.unique(scores)[::-1]])
    tpr = np.array([np.mean(scores[labels == 1] >= t) for t in thresholds])
    fpr = np.array([np.mean(scores[labels == 0] >= t) for t in thresholds])
    return fpr, tpr, float(np.trapz(tpr, fpr))
