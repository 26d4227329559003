"""N / N_c without the number of classes: right for nobody, twice too large for two.

loses: class_weights-2
told: must add up to 4
"""
def class_weights(labels):
    classes, counts = np.unique(labels, return_counts=True)
    return {int(c): len(labels) / n for c, n in zip(classes, counts)}
