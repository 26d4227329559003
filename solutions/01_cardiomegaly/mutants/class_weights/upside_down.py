"""Frequent classes get the large weight.

loses: class_weights-1, class_weights-2
told: upside down
"""
def class_weights(labels):
    classes, counts = np.unique(labels, return_counts=True)
    return {int(c): len(classes) * n / len(labels) for c, n in zip(classes, counts)}
