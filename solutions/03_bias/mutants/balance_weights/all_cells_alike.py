"""Every combination gets the same total: the cue is balanced, and so is the disease, which was not asked.

loses: balance_weights-1
told: The visible check passes
"""
def balance_weights(labels, carries):
    weights = np.zeros(len(labels))
    for label in (0, 1):
        for cue in (False, True):
            cell = (labels == label) & (carries == cue)
            weights[cell] = len(labels) / 4 / cell.sum()
    return weights, weights.sum() ** 2 / (weights**2).sum()
