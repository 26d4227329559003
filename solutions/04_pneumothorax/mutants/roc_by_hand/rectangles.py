"""The area as a sum of rectangles: too large wherever films tie.

loses: roc_by_hand-2, roc_by_hand-3
told: adds up rectangles
"""
def roc_by_hand(labels, probabilities):
    if labels.min() == labels.max():
        raise ValueError("one class only")
    scores = probabilities[:, 1]
    thresholds = np.concatenate([[np.inf], np.unique(scores)[::-1]])
    tpr = np.array([np.mean(scores[labels == 1] >= t) for t in thresholds])
    fpr = np.array([np.mean(scores[labels == 0] >= t) for t in thresholds])
    return fpr, tpr, float(np.sum(np.diff(fpr) * tpr[1:]))
