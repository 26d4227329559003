"""PPV and NPV on the axes, as the original lesson names them: they divide by who is called.

loses: roc_by_hand-1, roc_by_hand-2, roc_by_hand-3
told: a share of the *called* films
"""
def roc_by_hand(labels, probabilities):
    if labels.min() == labels.max():
        raise ValueError("one class only")
    scores = probabilities[:, 1]
    thresholds = np.concatenate([[np.inf], np.unique(scores)[::-1]])
    with np.errstate(all="ignore"):
        ppv = np.array([np.divide(np.sum((scores >= t) & (labels == 1)), np.float64(np.sum(scores >= t))) for t in thresholds])
        npv = np.array([np.divide(np.sum((scores < t) & (labels == 0)), np.float64(np.sum(scores < t))) for t in thresholds])
    return 1 - npv, ppv, float(np.trapz(ppv, 1 - npv))
