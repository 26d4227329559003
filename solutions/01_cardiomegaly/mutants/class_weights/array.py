"""An array instead of a dict: Keras refuses or ignores it. The source of this lab did so.

loses: class_weights-1
told: Keras expects a dict
"""
def class_weights(labels):
    classes, counts = np.unique(labels, return_counts=True)
    return len(labels) / (len(classes) * counts)
