"""The effective number is taken for the number of films, so nobody sees the price.

loses: balance_weights-2
told: squared over the sum of squares
"""
def balance_weights(labels, carries):
    weights = np.zeros(len(labels))
    for label in (0, 1):
        for cue in (False, True):
            cell = (labels == label) & (carries == cue)
            weights[cell] = (labels == label).mean() * (carries == cue).mean() / cell.mean()
    return weights, len(labels)
