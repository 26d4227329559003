"""One class only gives 0.5 "so that nothing breaks": a number about nothing.

loses: roc_by_hand-3
told: Raise a ValueError
"""
def roc_by_hand(labels, probabilities):
    if labels.min() == labels.max():
        return np.array([0.0, 1.0]), np.array([0.0, 1.0]), 0.5
    scores = probabilities[:, 1]
    thresholds = np.concatenate([[np.inf], np.unique(scores)[::-1]])
    tpr = np.array([np.mean(scores[labels == 1] >= t) for t in thresholds])
    fpr = np.array([np.mean(scores[labels == 0] >= t) for t in thresholds])
    return fpr, tpr, float(np.trapz(tpr, fpr))
