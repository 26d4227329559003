"""A point after each film: where films tie the curve, and the area, depend on the order of the list.

loses: roc_by_hand-1, roc_by_hand-2, roc_by_hand-3
told: make one step together
"""
def roc_by_hand(labels, probabilities):
    if labels.min() == labels.max():
        raise ValueError("one class only")
    order = np.argsort(-probabilities[:, 1], kind="stable")
    tpr = np.append(0, np.cumsum(labels[order]) / np.sum(labels))
    fpr = np.append(0, np.cumsum(1 - labels[order]) / np.sum(1 - labels))
    return fpr, tpr, float(np.trapz(tpr, fpr))
