"""The fraction upside down: common combinations get even heavier.

loses: balance_weights-1
told: upside down
"""
def balance_weights(labels, carries):
    weights = np.zeros(len(labels))
    for label in (0, 1):
        for cue in (False, True):
            cell = (labels == label) & (carries == cue)
            weights[cell] = cell.mean() / ((labels == label).mean() * (carries == cue).mean())
    return weights, weights.sum() ** 2 / (weights**2).sum()
