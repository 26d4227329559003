"""Column 0 and class 0, as in the original lesson: the area is right by symmetry, and every operating point is mirrored.

loses: roc_by_hand-1
told: finding the *healthy*
"""
def roc_by_hand(labels, probabilities):
    if labels.min() == labels.max():
        raise ValueError("one class only")
    scores, labels = probabilities[:, 0], 1 - labels
    thresholds = np.concatenate([[np.inf], np.unique(scores)[::-1]])
    tpr = np.array([np.mean(scores[labels == 1] >= t) for t in thresholds])
    fpr = np.array([np.mean(scores[labels == 0] >= t) for t in thresholds])
    return fpr, tpr, float(np.trapz(tpr, fpr))
