"""The weights of the classes add up to 1, so that the step size shrinks with them.

loses: class_weights-2
told: must add up to 4
"""
def class_weights(labels):
    classes, counts = np.unique(labels, return_counts=True)
    weights = 1 / counts
    return {int(c): float(w) for c, w in zip(classes, weights / weights.sum())}
